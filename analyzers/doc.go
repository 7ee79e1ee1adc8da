// Package analyzers reads Go source as a catalog, and reports what it finds at the
// source's lines.
//
// Each analyzer has a folder of its own and a line in [Suite]; packages routes and
// guards, which report nothing, do the reading. [Records] lets a driver collect what
// every package contributes, and [Merge] makes the whole program of it: there a
// route that one package registers and another wraps or mounts is seen once, as it
// is served.
package analyzers

// Command peers is what driftbench measures permcheck against. By itself it is the floor:
// it reads files into memory and does nothing with them, as encoding/json into any or as
// a bare parse to YAML nodes,
//
//	peers json|yaml FILE...
//
// and its module names the version of oasdiff to compare with. It is a module of its own
// so that permcheck depends on neither.
package main

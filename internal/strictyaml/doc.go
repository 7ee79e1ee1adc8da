// Package strictyaml reads YAML files that people write by hand: it keeps the
// position of every value, refuses unknown and duplicate keys and values of the
// wrong kind, and collects all errors of a file instead of stopping at the first.
//
// A decoder walks the document with the methods of [Node], which record what they
// do not like, and asks [Doc.Err] at the end.
package strictyaml

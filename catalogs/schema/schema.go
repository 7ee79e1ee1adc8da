// Package schema holds the JSON Schema of catalog files, so that editors complete and
// check them. It is data only: a catalog names it in its first line,
//
//	# yaml-language-server: $schema=./catalog-1.schema.json
//
// and `permcheck catalog schema` prints it. The decoder in package catalogs is the
// authority; the schema refuses what can be told without knowing the rest of the
// file.
package schema

import _ "embed"

// Catalog1 is the schema of "permcheck: catalog/1".
//
//go:embed catalog-1.schema.json
var Catalog1 []byte

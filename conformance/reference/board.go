package reference

import (
	_ "embed"

	"github.com/permcheck/permcheck/catalogs"
)

//go:embed board.yaml
var boardCatalog []byte

//go:embed board.json
var boardSeeds []byte

// BoardName is the name of the built-in catalog.
const BoardName = "board"

// Board returns the catalog of a job board that has everything a catalog can say. Each
// call returns a new one, which the caller may change.
func Board() *catalogs.Catalog {
	c, err := catalogs.Parse("board.yaml", boardCatalog)
	if err != nil {
		panic("the built-in catalog does not parse: " + err.Error()) // a test reads it
	}
	return c
}

// BoardText is the text of the built-in catalog.
func BoardText() []byte { return append([]byte(nil), boardCatalog...) }

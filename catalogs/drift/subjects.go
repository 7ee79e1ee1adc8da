package drift

import "github.com/permcheck/permcheck/catalogs"

func (c *comparison) subjects(from, to *catalogs.Catalog) {}

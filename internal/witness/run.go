package witness

import (
	"context"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/conformance"
)

// runPrefix begins a reference to the report of a probe.
const runPrefix = "run:"

// readRun reads the report of a probe run as what the API was seen to require.
func readRun(_ *Reader, _ context.Context, ref, _ string) (*Reading, error) {
	file := strings.TrimPrefix(ref, runPrefix)
	data, err := openapi.ReadFile(file)
	if err != nil {
		return nil, sourceError(ref, err)
	}
	c, err := conformance.ReadReport(file, data, catalogs.Load)
	if err != nil {
		return nil, err
	}
	return &Reading{Side: drift.Side{Catalog: c, EndpointsOnly: true}}, nil
}

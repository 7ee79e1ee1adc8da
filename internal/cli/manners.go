package cli

import (
	"fmt"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/suites"
)

// manners say how any client of a vendor signs in and what the vendor's lists are like; nil for
// a catalog that is no vendor's.
func manners(ref string, c *catalogs.Catalog) (*keyring.Profile, error) {
	name, ok := strings.CutPrefix(ref, catalogs.VendorPrefix)
	suite := suites.Of(name)
	if !ok || suite == nil || suite.Profile == nil {
		return nil, nil
	}
	m, err := keyring.ParseManners(suite.ProfileFile, suite.Profile, c)
	if err != nil {
		return nil, fmt.Errorf("how clients of %s sign in: %w", name, err)
	}
	return m, nil
}

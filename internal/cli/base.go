package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

// baseFindings vets the same packages as they are in a git revision.
func baseFindings(ctx context.Context, rev string, patterns []string, opts witness.GoOptions) ([]*report.Finding, error) {
	sub, remove, err := witness.Checkout(ctx, ".", rev)
	if err != nil {
		return nil, err
	}
	defer remove()
	if ref := opts.Catalog; ref != "" && !strings.HasPrefix(ref, catalogs.VendorPrefix) && !filepath.IsAbs(ref) {
		opts.Catalog = filepath.Join(sub, ref) // the catalog of the base belongs to its code
	}
	p, err := loadGo(ctx, sub, patterns, opts)
	if err != nil {
		return nil, fmt.Errorf("base %s: %w", rev, err)
	}
	if len(p.Errors) > 0 {
		// What could not be read there would count as new here.
		return nil, &partialError{fmt.Sprintf("base %s: package %s could not be read: %s", rev, p.Errors[0].Package, p.Errors[0].Message)}
	}
	findings, _ := p.vet()
	return findings, nil
}

// newSince returns the findings that are not among those of the base, by fingerprint and
// number: two of a kind where there was one leave one.
func newSince(findings, base []*report.Finding) (fresh []*report.Finding, old int) {
	have := map[string]int{}
	for _, f := range base {
		have[f.Fingerprint()]++
	}
	fresh = []*report.Finding{}
	for _, f := range findings {
		if fp := f.Fingerprint(); have[fp] > 0 {
			have[fp]--
			old++
			continue
		}
		fresh = append(fresh, f)
	}
	return fresh, old
}

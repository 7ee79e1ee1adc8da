package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/internal/report"
)

// A Reading is what one witness says.
type Reading struct {
	drift.Side
	Program *Program          // when the witness is Go source
	Unread  []*report.Finding // what of the source could not be read
	Invalid []*report.Finding // what the OpenAPI specification forbids in it, if that was asked
}

// A Reader reads witnesses.
type Reader struct {
	In        io.Reader // standard input
	AllowHTTP bool      // read addresses without encryption too
	// RefsBelow is the folder below which a document's references may lead to other files;
	// empty: the document's own.
	RefsBelow string
	Documents openapi.Options // how documents are read
	Validate  bool            // say what the OpenAPI specification forbids in them
}

// A kind is one way of naming a witness.
type kind struct {
	takes func(ref string) bool
	// read reads it. words is the reference of a catalog whose permissions Go source names.
	read func(r *Reader, ctx context.Context, ref, words string) (*Reading, error)
}

// kinds are asked in this order, so the prefixes vendor:, go: and run: win over git revisions
// of these names, and a file that exists over a revision and over a pattern. Another witness is
// a file that reads it, and a line here; another format of documents is a line of formats.
var kinds = []kind{
	{func(ref string) bool { return ref == "-" }, readInput},
	{prefixed(catalogs.VendorPrefix), readVendor},
	{prefixed(GoPrefix), readGo},
	{prefixed(runPrefix), readRun},
	{isGoRevision, readGoRevision},
	{exists, readFile},
	{isAddress, readAddress},
	{isRevision, readRevision},
	{IsPattern, readPattern},
	{func(string) bool { return true }, readFile}, // which says that there is no such file
}

// Read reads the witness that a reference names. words is the reference of a catalog whose
// permissions Go source names; empty: none.
func (r *Reader) Read(ctx context.Context, ref, words string) (*Reading, error) {
	for _, k := range kinds {
		if k.takes(ref) {
			return k.read(r, ctx, ref, words)
		}
	}
	panic("no kind takes " + ref) // the last one takes all
}

func prefixed(prefix string) func(ref string) bool {
	return func(ref string) bool { return strings.HasPrefix(ref, prefix) }
}

func exists(ref string) bool {
	_, err := os.Stat(ref)
	return err == nil
}

func readVendor(_ *Reader, _ context.Context, ref, _ string) (*Reading, error) {
	c, err := catalogs.Load(ref)
	return &Reading{Side: drift.Side{Catalog: c}}, err
}

func readInput(r *Reader, _ context.Context, _, _ string) (*Reading, error) {
	data, err := openapi.ReadAll(r.In)
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	return r.parse("-", data, r.Documents, func() (*catalogs.Catalog, error) { return catalogs.Parse("-", data) })
}

// ReadBoth reads both sides, at once where neither needs the other: reading is most
// of the work. Go source is read in the words of the other side's catalog.
func (r *Reader) ReadBoth(ctx context.Context, from, to string) (old, now *Reading, err error) {
	var errs [2]error
	load := func(ref, catalog string, into **Reading, err *error) { *into, *err = r.Read(ctx, ref, catalog) }
	isGo := func(ref string) bool {
		_, _, revision := goRevision(ref)
		return strings.HasPrefix(ref, GoPrefix) || revision
	}
	words := func(ref string, s *Reading) string {
		if s == nil || s.Catalog == nil || isGo(ref) || ref == "-" {
			return ""
		}
		if _, err := os.Stat(ref); err != nil && !strings.HasPrefix(ref, catalogs.VendorPrefix) {
			return "" // a git revision
		}
		return ref
	}
	switch {
	case isGo(from) && !isGo(to):
		load(to, "", &now, &errs[1])
		if errs[1] == nil {
			load(from, words(to, now), &old, &errs[0])
		}
	case isGo(to):
		load(from, "", &old, &errs[0])
		if errs[0] == nil {
			load(to, words(from, old), &now, &errs[1])
		}
	default:
		done := make(chan struct{})
		go func() {
			defer close(done)
			load(from, "", &old, &errs[0])
		}()
		load(to, "", &now, &errs[1])
		<-done
	}
	return old, now, errors.Join(errs[:]...)
}

// sourceError says what to type instead when a source cannot be opened.
func sourceError(ref string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: no such file; a source is a file, -, an https URL, vendor:NAME (%s), go:PACKAGES, run:REPORT, REV:PATH or a quoted pattern such as 'api/*.yaml'", ref, strings.Join(catalogs.Vendors(), ", "))
	}
	return err
}

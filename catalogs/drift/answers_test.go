package drift_test

import (
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// What answers the row GET /a/b of a catalog in a program, by how its routes are registered and
// what they do.
func TestAnswers(t *testing.T) {
	routed := func(r catalogs.Routed) *catalogs.Routed { return &r }
	first := func(n int) *catalogs.Routed {
		return routed(catalogs.Routed{Precedence: catalogs.FirstRegistered, Seq: n})
	}
	route := func(path, requires string, r *catalogs.Routed) catalogs.Endpoint {
		e := catalogs.Endpoint{Method: "GET", Path: path, Routed: r}
		if requires != "" {
			req := perm.MustParse(requires)
			e.Requires = &req
		}
		return e
	}
	for _, tt := range []struct {
		name   string
		routes []catalogs.Endpoint
		want   string
	}{
		{"itself", []catalogs.Endpoint{route("/a/b", "write", nil)}, ""},
		{"a weaker tree", []catalogs.Endpoint{route("/a/{x...}", "read", nil)}, "answered-by-weaker weakened /a/{x...}"},
		{"a tree that declares nothing", []catalogs.Endpoint{route("/a/{x...}", "", nil)}, "answered-by-weaker weakened /a/{x...}"},
		{"a tree that requires as much", []catalogs.Endpoint{route("/a/{x...}", "write", nil)}, ""},
		{"a tree that requires more", []catalogs.Endpoint{route("/a/{x...}", "read & write", nil)}, "requirement-strengthened strengthened /a/{x...}"},
		{"a tree of pages", []catalogs.Endpoint{route("/a/{x...}", "read", routed(catalogs.Routed{Answers: catalogs.AnswersPage}))}, "endpoint-removed endpoint-removed "},
		{"a proxy", []catalogs.Endpoint{route("/a/{x...}", "read", routed(catalogs.Routed{Answers: catalogs.AnswersOpaque}))}, "unresolved unknown /a/{x...}"},
		{"a proxy that is guarded", []catalogs.Endpoint{route("/a/{x...}", "write", routed(catalogs.Routed{Answers: catalogs.AnswersOpaque}))}, ""},
		{"the weaker one of two", []catalogs.Endpoint{route("/a/{x}", "write", nil), route("/{x}/b", "read | write", nil)}, "answered-by-weaker weakened /{x}/b"},
		{"the weaker one of two, the other way round", []catalogs.Endpoint{route("/{x}/b", "read | write", nil), route("/a/{x}", "write", nil)}, "answered-by-weaker weakened /{x}/b"},
		{"a page or an endpoint, nobody knows which", []catalogs.Endpoint{route("/a/{x}", "write", nil), route("/{x}/b", "write", routed(catalogs.Routed{Answers: catalogs.AnswersPage}))}, "endpoint-removed endpoint-removed "},
		{"a page or an endpoint, the other way round", []catalogs.Endpoint{route("/{x}/b", "write", routed(catalogs.Routed{Answers: catalogs.AnswersPage})), route("/a/{x}", "write", nil)}, "endpoint-removed endpoint-removed "},
		{"one registered before it", []catalogs.Endpoint{route("/a/{x}", "read", first(0)), route("/a/b", "write", first(1))}, "answered-by-weaker weakened /a/{x}"},
		{"one registered after it", []catalogs.Endpoint{route("/a/b", "write", first(0)), route("/a/{x}", "read", first(1))}, ""},
		{"a parameter below a base known only at run time", []catalogs.Endpoint{route("/{base}/{x}", "read", routed(catalogs.Routed{}))}, "endpoint-removed endpoint-removed "},
		{"a tree below one", []catalogs.Endpoint{route("/{base}/a/{x...}", "read", routed(catalogs.Routed{}))}, "answered-by-weaker weakened /{base}/a/{x...}"},
		{"nothing", []catalogs.Endpoint{route("/b", "write", nil)}, "endpoint-removed endpoint-removed "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := catalogs.Parse("c.yaml", []byte("permcheck: catalog/1\nname: c\npermissions: {read: , write: }\nendpoints:\n  GET /a/b: write\n"))
			if err != nil {
				t.Fatal(err)
			}
			r, err := drift.Compare(drift.Side{Catalog: c}, drift.Side{Catalog: &catalogs.Catalog{File: "go:.", Endpoints: tt.routes}, EndpointsOnly: true}, drift.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, ch := range r.Changes {
				if ch.Path == "/a/b" {
					got = append(got, ch.Rule+" "+string(ch.Class)+" "+ch.FallsTo)
				}
			}
			if s := strings.Join(got, "; "); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
		})
	}
}

// A row that another one hides in both revisions of a program is no news; one that comes to be
// hidden by a weaker one is.
func TestHiddenInBothRevisions(t *testing.T) {
	program := func(first string) *catalogs.Catalog {
		c := &catalogs.Catalog{File: "go:."}
		for i, r := range [][2]string{{"/a/{id}", first}, {"/a/b", "write"}} {
			req := perm.MustParse(r[1])
			c.Endpoints = append(c.Endpoints, catalogs.Endpoint{Method: "GET", Path: r[0], Requires: &req, Routed: &catalogs.Routed{Precedence: catalogs.FirstRegistered, Seq: i}})
		}
		return c
	}
	for _, tt := range []struct{ was, is, want string }{
		{"read", "read", ""},
		{"read", "read | write", "GET /a/b answered-by-weaker; GET /a/{id} requirement-weakened"},
		{"write", "read", "GET /a/b answered-by-weaker; GET /a/{id} requirement-incomparable"},
		{"read", "read & write", "GET /a/{id} requirement-strengthened"},
	} {
		r, err := drift.Compare(drift.Side{Catalog: program(tt.was), EndpointsOnly: true}, drift.Side{Catalog: program(tt.is), EndpointsOnly: true}, drift.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range r.Changes {
			got = append(got, r.Changes[i].Subject()+" "+r.Changes[i].Rule)
		}
		if s := strings.Join(got, "; "); s != tt.want {
			t.Errorf("%s -> %s: got %q, want %q", tt.was, tt.is, s, tt.want)
		}
	}
}

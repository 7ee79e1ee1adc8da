package conformance

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// unlistedVersion: what a row refuses is not answered under another version of its path.
var unlistedVersion = detours(Check{
	ID: "unlisted-version", Category: "operations", Title: "other versions and areas that the catalog does not have show nothing that is refused",
	Doc: `Sends the path of a refused request under neighbouring versions (/v1 as /v0, /v2, /beta), without
its version, and below /internal, /private, /admin, /legacy and /api, with the key that holds least. Paths that
the catalog has are left out. The answer that an admitted key is shown is the finding: old and
internal versions live on and nobody guards them. Another answer than "not found" and a refusal is
inconclusive: such a path may be public on purpose, and then belongs in the catalog. Asked of one row
of each shape of path.`,
	Finds: []string{"unlisted-version-served"},
}, byShape, func(l *Lab, _ *Question, path string) []Call {
	var calls []Call
	for _, other := range otherVersions(path) {
		if !l.Plan.has("", other) {
			calls = append(calls, Call{Label: other, Method: http.MethodGet, Path: other, Raw: true})
		}
	}
	return calls
})

// versionSegment is a segment of a path that names a version, such as v1 or V2.1.
var versionSegment = regexp.MustCompile(`^([vV])(\d{1,3})((?:\.\d{1,3})*)$`)

// otherVersions are the paths under which other versions of what a path names are found by
// custom.
func otherVersions(path string) []string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	var out []string
	add := func(p string) {
		if p != path && p != "/" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	at := slices.IndexFunc(parts, versionSegment.MatchString)
	if at >= 0 {
		m := versionSegment.FindStringSubmatch(parts[at])
		n, _ := strconv.Atoi(m[2]) // three digits at most
		for _, other := range []int{n - 1, n + 1, n + 2} {
			if other >= 0 {
				add(joined(replaced(parts, at, m[1]+strconv.Itoa(other))...))
			}
		}
		if m[3] != "" {
			add(joined(replaced(parts, at, m[1]+m[2])...))
		}
		for _, name := range []string{"beta", "internal", "latest"} {
			add(joined(replaced(parts, at, name)...))
		}
		add(joined(slices.Delete(slices.Clone(parts), at, at+1)...))
	} else {
		for _, version := range []string{"v1", "v2"} {
			add("/" + version + path)
			if parts[0] == "api" {
				add(joined(slices.Insert(slices.Clone(parts), 1, version)...))
			}
		}
	}
	for _, area := range []string{"api", "internal", "private", "admin", "legacy"} {
		if parts[0] != area {
			add("/" + area + path)
		}
	}
	return out
}

// has reports whether a row of the catalog answers a concrete path, under a method where one
// is given.
func (p *Plan) has(method, path string) bool {
	return slices.ContainsFunc(p.Rows, func(r Row) bool {
		if r.Endpoint == nil || method != "" && r.Method != method && r.Method != catalogs.AnyMethod {
			return false
		}
		t, err := catalogs.ParseTemplate(r.Path)
		return err == nil && t.Match(path)
	})
}

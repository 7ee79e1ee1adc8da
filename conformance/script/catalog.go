package script

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
)

const catalogUsage = "[!] catalog requires METHOD /PATH EXPR | opens METHOD /PATH GRANT | permission ID | same PERMISSION, PERMISSION | permissions N | rows N [EXPR] | field OBJECT FIELD EXPR | lint RULE [METHOD /PATH | PERMISSION]"

// catalog asks the catalog: for statements about what the vendor's pages say of the API as a
// whole.
func (r *run) catalog(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, len(args) > 1, catalogUsage)
	r.asked = true
	c := r.lab.Catalog
	what, rest := args[0], args[1:]
	join := func(from int) string { return strings.Join(rest[min(from, len(rest)):], " ") }
	expect := func(is bool, format string, more ...any) {
		if is == neg {
			r.fail(ts, "the catalog %s", fmt.Sprintf(format, more...))
		}
	}
	endpoint := func() *catalogs.Endpoint {
		r.usage(ts, len(rest) > 2, catalogUsage)
		e, ok := c.Endpoint(rest[0], rest[1])
		if !ok {
			r.fail(ts, "the catalog has no row %s %s", rest[0], rest[1])
		}
		return e
	}
	switch what {
	case "requires":
		e := endpoint()
		is, said := r.requires(ts, e.Requires, join(2))
		expect(is, "asks for %q at %s", said, e)
	case "opens":
		e := endpoint()
		grant, err := conformance.ParseGrant(join(2), c)
		if err != nil {
			r.halt(ts, err)
		}
		opens := false
		if e.Requires != nil && !e.Requires.IsUnknown() {
			need, _ := c.CanonicalRequirement(*e.Requires)
			if need, err = c.Implications().Expand(need); err != nil {
				r.halt(ts, err)
			}
			opens = need.Admits(grant)
		}
		expect(opens, "has for %s, asked with %s: %v", e, join(2), opens)
	case "permission":
		_, ok := c.Canonical(perm.Permission(join(0)))
		expect(ok, "has the permission %q: %v", join(0), ok)
	case "same":
		a, b, _ := strings.Cut(join(0), ",")
		one, ok1 := c.Canonical(perm.Permission(strings.TrimSpace(a)))
		other, ok2 := c.Canonical(perm.Permission(strings.TrimSpace(b)))
		expect(ok1 && ok2 && one == other, "takes %s and %s for one permission: %v", strings.TrimSpace(a), strings.TrimSpace(b), ok1 && ok2 && one == other)
	case "permissions":
		n, err := strconv.Atoi(rest[0])
		if err != nil {
			r.usage(ts, false, catalogUsage)
		}
		expect(len(c.Permissions) == n, "has %d permissions", len(c.Permissions))
	case "rows":
		n, err := strconv.Atoi(rest[0])
		if err != nil {
			r.usage(ts, false, catalogUsage)
		}
		count := 0
		for i := range c.Endpoints {
			if e := &c.Endpoints[i]; len(rest) == 1 || e.Requires != nil && matches(join(1), e.Requires.String()) {
				count++
			}
		}
		expect(count == n, "has %d such rows", count)
	case "field":
		r.usage(ts, len(rest) > 2, catalogUsage)
		i := slices.IndexFunc(c.Fields, func(f catalogs.Field) bool { return f.Object == rest[0] && f.Name == rest[1] })
		if i < 0 {
			expect(false, "has no field %s of %s", rest[1], rest[0])
			return
		}
		is, said := r.requires(ts, c.Fields[i].Requires, join(2))
		expect(is, "asks for %q to see %s of %s", said, rest[1], rest[0])
	case "lint":
		if !slices.Contains(catalogs.LintRules, rest[0]) {
			r.halt(ts, fmt.Errorf("%q is no lint: expected one of %s", rest[0], strings.Join(catalogs.LintRules, ", ")))
		}
		has := slices.ContainsFunc(c.Lint(), func(l catalogs.Lint) bool {
			return l.Rule == rest[0] && (len(rest) == 1 || l.Subject == join(1))
		})
		expect(has, "has the lint %s%s: %v", rest[0], optional(" at ", join(1)), has)
	default:
		r.usage(ts, false, catalogUsage)
	}
}

// requires reports whether a requirement is the one of a text, and says what it is.
func (r *run) requires(ts *testscript.TestScript, has *perm.Requirement, text string) (is bool, said string) {
	want, err := perm.Parse(text)
	if err != nil {
		r.halt(ts, err)
	}
	if has == nil {
		return false, "nothing"
	}
	a, _ := r.lab.Catalog.CanonicalRequirement(*has)
	b, unknown := r.lab.Catalog.CanonicalRequirement(want)
	if len(unknown) > 0 {
		r.halt(ts, fmt.Errorf("the catalog has no permission %q", unknown[0]))
	}
	return a.String() == b.String(), a.String()
}

// jwt makes a token that is signed here: HS256, or alg=none for one that is not signed.
func (r *run) jwt(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) > 1, "jwt NAME [secret=TEXT] [alg=none] CLAIM=VALUE...")
	claims, header := map[string]any{}, map[string]any{}
	secret := ""
	for _, a := range args[1:] {
		name, value, ok := strings.Cut(a, "=")
		r.usage(ts, ok, "jwt NAME [secret=TEXT] [alg=none] CLAIM=VALUE...")
		value = r.expand(ts, value, asIs)
		switch name {
		case "secret":
			secret = value
		case "alg":
			header["alg"] = value
		default:
			claims[name] = claim(value)
		}
	}
	token, err := conformance.SignJWT(header, claims, secret)
	if err != nil {
		r.halt(ts, err)
	}
	r.put(args[0], token)
	r.lab.Hide(args[0], token)
}

// claim is the value of a claim: now+10m is a time in seconds, then JSON, or else a text.
func claim(value string) any {
	if offset, ok := strings.CutPrefix(value, "now"); ok {
		d, err := time.ParseDuration(offset)
		if offset == "" || err == nil {
			return time.Now().Add(d).Unix()
		}
	}
	var v any
	if json.Unmarshal([]byte(value), &v) == nil {
		return v
	}
	return value
}

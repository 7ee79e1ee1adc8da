package kong_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs/kong"
	"github.com/permcheck/permcheck/catalogs/openapi"
)

func describe(d *openapi.Document) string {
	var b strings.Builder
	for i := range d.Operations {
		o := &d.Operations[i]
		fmt.Fprintf(&b, "%s %s: ", o.Method, o.Path)
		if o.Unreadable != nil {
			fmt.Fprintf(&b, "unresolved: %s\n", o.Unreadable.Message)
			continue
		}
		var alts []string
		for _, alt := range o.Security {
			var uses []string
			for _, u := range alt {
				uses = append(uses, u.Scheme+strings.Trim(fmt.Sprint(u.Scopes), "[]"))
			}
			alts = append(alts, "("+strings.Join(uses, " & ")+")")
		}
		fmt.Fprintln(&b, strings.Join(alts, " | "))
	}
	return b.String()
}

func TestParse(t *testing.T) {
	route := func(more string) string {
		return "_format_version: '3.0'\nservices:\n- name: s\n  url: http://up/base\n  routes:\n  - {name: r, paths: [~/a$], methods: [GET], " + more + "}\n"
	}
	const anon = "consumers:\n- {username: anon, acls: [{group: guests}]}\n"
	for _, tt := range []struct{ name, text, want string }{
		{"nothing asks", route(""), "GET /a: ()\n"},
		{"a key", route("plugins: [{name: key-auth}]"), "GET /a: (key-auth)\n"},
		{"not enabled", route("plugins: [{name: key-auth, enabled: false}]"), "GET /a: ()\n"},
		{"two plugins are both needed", route("plugins: [{name: key-auth}, {name: jwt}]"), "GET /a: (key-auth & jwt)\n"},
		{"groups, any of which", route("plugins: [{name: key-auth}, {name: acl, config: {allow: [read, admin]}}]"), "GET /a: (key-auth & aclread) | (key-auth & acladmin)\n"},
		{"groups that are denied", route("plugins: [{name: key-auth}, {name: acl, config: {deny: [bad]}}]"), "GET /a: unresolved: route r: acl denies groups\n"},
		{"mandatory scopes", route("plugins: [{name: oauth2, config: {scopes: [a, b], mandatory_scope: true}}]"), "GET /a: (oauth2a) | (oauth2b)\n"},
		{"scopes that nobody must have", route("plugins: [{name: oauth2, config: {scopes: [a, b]}}]"), "GET /a: (oauth2)\n"},
		{"the service's plugin", route("") + "  plugins: [{name: key-auth}]\n", "GET /a: (key-auth)\n"},
		{"a global plugin", route("") + "plugins: [{name: jwt}]\n", "GET /a: (jwt)\n"},
		{"bound to the service", route("") + "plugins: [{name: jwt, service: s}]\n", "GET /a: (jwt)\n"},
		{"bound to the route", route("") + "plugins: [{name: jwt, route: {name: r}}]\n", "GET /a: (jwt)\n"},
		{"bound to another route", route("") + "plugins: [{name: jwt, route: q}]\n", "GET /a: ()\n"},
		{"the route's acl wins over the global one", route("plugins: [{name: acl, config: {allow: [own]}}]") + "plugins: [{name: key-auth}, {name: acl, config: {allow: [all]}}]\n", "GET /a: (key-auth & aclown)\n"},
		{"one that is not enabled does not win", route("plugins: [{name: acl, enabled: false, config: {allow: [own]}}]") + "plugins: [{name: key-auth}, {name: acl, config: {allow: [all]}}]\n", "GET /a: (key-auth & aclall)\n"},
		{"anonymous", route("plugins: [{name: key-auth, config: {anonymous: anon}}]") + anon, "GET /a: (key-auth) | ()\n"},
		{"anonymous, one of two", route("plugins: [{name: key-auth, config: {anonymous: anon}}, {name: jwt}]") + anon, "GET /a: (jwt)\n"},
		{"anonymous in two: any of them", route("plugins: [{name: key-auth, config: {anonymous: anon}}, {name: jwt, config: {anonymous: anon}}]") + anon, "GET /a: (key-auth) | (jwt) | ()\n"},
		{"anonymous, whom acl refuses", route("plugins: [{name: key-auth, config: {anonymous: anon}}, {name: acl, config: {allow: [staff]}}]") + anon, "GET /a: (key-auth & aclstaff)\n"},
		{"anonymous, whom acl admits", route("plugins: [{name: key-auth, config: {anonymous: anon}}, {name: acl, config: {allow: [staff, guests]}}]") + anon, "GET /a: (key-auth & aclstaff) | (key-auth & aclguests) | ()\n"},
		{"anonymous, who is ended", route("plugins: [{name: key-auth, config: {anonymous: anon}}, {name: request-termination, consumer: anon}]") + anon, "GET /a: (key-auth)\n"},
		{"anonymous, who is ended where listed", route("plugins: [{name: key-auth, config: {anonymous: anon}}]") + "consumers:\n- {username: anon, plugins: [{name: request-termination}]}\n", "GET /a: (key-auth)\n"},
		{"nobody gets through", route("plugins: [{name: request-termination}]"), ""},
		{"hosts", route("hosts: [a.example], plugins: [{name: key-auth}]"), "GET /a: unresolved: route r: hosts decides too which requests it takes\n"},
		{"headers", route("headers: {x: [y]}"), "GET /a: unresolved: route r: headers decides too which requests it takes\n"},
		{"a plugin of one's own", route("plugins: [{name: our-auth}]"), "GET /a: unresolved: route r: it is not known whether plugin our-auth asks who is calling\n"},
		{"a plugin of one's own besides", route("plugins: [{name: our-log}, {name: jwt}]"), "GET /a: (jwt)\n"},
		{"what lets all pass", route("plugins: [{name: cors}, {name: rate-limiting}]"), "GET /a: ()\n"},
		{"keys of other names are other credentials", route("plugins: [{name: key-auth, config: {key_names: [a]}}]") + "  - {name: q, paths: [~/b$], plugins: [{name: key-auth, config: {key_names: [b]}}]}\n", "GET /a: (key-auth)\n* /b: (key-auth@2)\n"},
		{"prefixes", "_format_version: '3.0'\nservices:\n- {name: s, routes: [{name: r, paths: [/a, /b/], strip_path: false}]}\n", "* /a: ()\n* /a/{path...}: ()\n* /b/: ()\n* /b/{path...}: ()\n"},
		{"no path", "_format_version: '3.0'\nservices:\n- {name: s, routes: [{name: r, methods: [get]}]}\n", "GET /{path...}: ()\n"},
		{"a service that is not enabled", "_format_version: '3.0'\nservices:\n- {name: s, enabled: false, routes: [{name: r, paths: [/a]}]}\n", ""},
		{"routes beside services", "_format_version: '3.0'\nservices: [{name: s, plugins: [{name: jwt}]}]\nroutes:\n- {name: r, paths: [~/a$], service: {name: s}}\n- {name: q, paths: [~/b$]}\n", "* /a: (jwt)\n* /b: ()\n"},
		{"an expression", "_format_version: '3.0'\nroutes:\n- {name: r, expression: 'http.path == \"/a\"'}\n", "* /{path...}: unresolved: route r: expression decides too which requests it takes\n"},
		{"JSON", `{"_format_version": "3.0", "services": [{"name": "s", "routes": [{"name": "r", "paths": ["~/a$"], "plugins": [{"name": "key-auth"}]}]}]}`, "* /a: (key-auth)\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := kong.Parse("kong.yaml", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(d); got != tt.want {
				t.Errorf("got:\n%swant:\n%s", got, tt.want)
			}
		})
	}
}

func TestPaths(t *testing.T) {
	for path, want := range map[string]string{
		`~/users/(?<id>[^/]+)$`:          "/users/{id}",
		`~/users/(?<id>\d+)/keys/(\w+)$`: "/users/{id}/keys/{p2}",
		`~^/users/[0-9]+$`:               "/users/{p1}",
		`~/v1\.0/users/?$`:               "/v1.0/users",
		`~/users/(?<id>[^/]+)`:           "/users/{id} /users/{id}/{path...}",
		`~/files/.*$`:                    "/files/{path...}",
		`~/files/(.*)`:                   "/files/{path...}",
		`~/a|/b`:                         "unresolved",
		`~/users/.+/keys$`:               "unresolved",
		`~/colou?r$`:                     "unresolved",
		`~/(?<any>.*)/x$`:                "unresolved",
		`~`:                              "unresolved",
		`users`:                          "unresolved",
	} {
		d, err := kong.Parse("kong.yaml", []byte("_format_version: '3.0'\nroutes:\n- {name: r, paths: ['"+path+"']}\n"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range d.Operations {
			if o.Unreadable != nil {
				got = append(got, "unresolved")
			} else {
				got = append(got, o.Path)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: got %s, want %s", path, s, want)
		}
	}
}

// Whatever the text, it is read or refused: no panic, and no operation without a path.
func FuzzParse(f *testing.F) {
	f.Add("_format_version: '3.0'\nservices:\n- {name: s, routes: [{name: r, paths: [/a], plugins: [{name: key-auth, config: {anonymous: x}}]}]}\n")
	f.Add("_format_version: '3.0'\nroutes: &r\n- {name: r, paths: ['~/a/(?<id>[^/]+)$'], service: *r}\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := kong.Parse("kong.yaml", []byte(text))
		if err != nil {
			return
		}
		for i := range d.Operations {
			if o := &d.Operations[i]; o.Path == "" || o.Method == "" {
				t.Errorf("%+v", o)
			}
		}
	})
}

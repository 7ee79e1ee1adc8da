package keyring

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/redact"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// ProfileVersion is the value of the "permcheck" key of a probe profile.
const ProfileVersion = "probe/1"

// maxSecret bounds a secret file, in bytes.
const maxSecret = 64 << 10

// A Profile is what a user says about a target and the keys there are. It never holds a
// secret.
type Profile struct {
	File        string
	Catalog     string   // reference of the catalog, as [catalogs.Load] takes it; may be empty
	Target      *url.URL // nil: the profile names none
	Environment string   // "disposable", "staging", "production", or ""
	Auth        Auth
	Control     *catalogs.Endpoint // a row of the catalog; nil: none
	BuildHeader string
	Keys        []Key
	Refused     conformance.Forms
	IDs         []ID
	Expendable  map[string][]string
	Writes      conformance.WritePolicy // "" when not said
	Limits      conformance.Limits
	Require     Require
	Provision   *Provision           // nil: nothing makes keys
	Dialect     *conformance.Dialect // nil: nothing is stated
	// Within is how long a change of a key may take until it is in force; 0: not said.
	Within time.Duration
	// NotAsked are rows of the catalog that are left out, and why.
	NotAsked map[string]string
	// Bodies are those of requests, by the key of [catalogs.EndpointKey].
	Bodies map[string]any

	// Secrets learns each secret that is looked up or got for the keys; nil: nobody does.
	Secrets *redact.Set

	cache     tokenCache
	records   []catalogs.Record       // of the catalog
	positions map[string]catalogs.Pos // of keys that later checks may complain about
}

// A Key is one credential of a profile.
type Key struct {
	Name    string
	Grants  perm.Set
	Sharing map[string]string   // object -> option
	Lists   map[string][]string // allow list -> attributes
	State   string              // "" is enabled
	// Lifecycle says that checks may disable it, and enable it again; ID is what the
	// provisioner calls it.
	Lifecycle bool
	ID        string
	User      string
	Scopes    string // what a sign-in asks for; empty: its grants
	Secret    SecretRef
	Pos       catalogs.Pos
}

// A SecretRef says where a secret is. One member is set.
type SecretRef struct {
	Env     string   // an environment variable
	File    string   // a file that only its owner may read, relative to the profile
	Command []string // a program and its arguments, started without a shell, that prints it
}

func (s SecretRef) isZero() bool { return s.Env == "" && s.File == "" && len(s.Command) == 0 }

// Auth says how a key is shown.
type Auth struct {
	Exchange *Exchange // nil: no token is got for it
	JWT      *JWT      // nil: no token is made of it
	Header   string    // header that carries it
	Query    string    // query parameter that carries it
	Scheme   string
	Basic    bool // user and secret, as RFC 7617 says
	// With are further headers, in which $user stands for the key's. They hold no secret.
	With map[string]string
	// Below are other ways for parts of the API.
	Below []AuthBelow
}

// SignIns are the requests to the target with which keys are signed in, as "POST /oauth/token".
func (p *Profile) SignIns() []string {
	var list []string
	add := func(a *Auth) {
		if a.Exchange != nil && strings.HasPrefix(a.Exchange.URL, "/") {
			list = append(list, http.MethodPost+" "+a.Exchange.URL)
		}
	}
	add(&p.Auth)
	for i := range p.Auth.Below {
		add(&p.Auth.Below[i].Auth)
	}
	return list
}

// LeaveOut are the rows that are not asked about, and why not: sign-ins, and those that the
// profile names.
func (p *Profile) LeaveOut() map[string]string {
	out := map[string]string{}
	for _, row := range p.SignIns() {
		out[row] = "keys sign in there"
	}
	maps.Copy(out, p.NotAsked)
	return out
}

// An AuthBelow is how a key is shown to paths that begin so.
type AuthBelow struct {
	Prefix string
	Auth   Auth
}

// An Exchange turns user and secret into a token: one POST.
type Exchange struct {
	URL   string         // relative to the target, or absolute
	JSON  map[string]any // $user, $secret and $scopes stand for the key's
	Form  map[string]string
	Basic bool // user and secret are sent as RFC 6749, section 2.3.1, has it
	// Authorization is where the value of that header is, for an API whose exchange asks for
	// another credential than the key's.
	Authorization SecretRef
	Token         string // path of the token in the answer, such as data.access_token
	// Expires is the path of the seconds for which it is good; empty: expires_in beside it.
	Expires string
	// Rotates is the response header with the token of the next request, for tokens that
	// are good for one.
	Rotates string
}

// An ID is the value of a path parameter.
type ID struct {
	Param string
	Value string             // fixed, or
	From  *catalogs.Endpoint // the row to read it from
	Field string             // where in the answer, such as data.0.id
	Pos   catalogs.Pos
}

// Require is what a run must reach at least.
type Require struct {
	Proven   float64 // share of the boundary, 0 to 1
	Controls bool    // every key's control call
}

var (
	envName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	keyName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	fieldPath = regexp.MustCompile(`^[A-Za-z0-9_$@-]+(\.[A-Za-z0-9_$@-]+)*$`)
)

// LoadProfile reads a profile for a catalog. Its mistakes are returned all at once, as
// [strictyaml.Errors].
func LoadProfile(path string, c *catalogs.Catalog) (*Profile, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("profile %s does not exist: give the path of a probe profile", path)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("profile %s is not a file: give the path of a probe profile", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, strictyaml.MaxSize+1))
	if err != nil {
		return nil, err
	}
	return ParseProfile(path, data, c)
}

// ParseProfile reads a profile from its text. Secrets are not looked up.
func ParseProfile(file string, data []byte, c *catalogs.Catalog) (*Profile, error) {
	return parse(file, data, c, false)
}

// ParseManners reads the part of a profile that says how any client of an API signs in and
// what its lists are like; there are no keys in it.
func ParseManners(file string, data []byte, c *catalogs.Catalog) (*Profile, error) {
	return parse(file, data, c, true)
}

func parse(file string, data []byte, c *catalogs.Catalog, manners bool) (*Profile, error) {
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		return nil, err
	}
	d := &decoder{p: &Profile{File: file, Auth: plainAuth(), records: c.Records, positions: map[string]catalogs.Pos{}}, c: c}
	version, keys := false, false
	fields := []strictyaml.Field{
		strictyaml.Field{Name: "permcheck", Decode: func(n strictyaml.Node) {
			version = true
			if v, ok := n.Text("the version of the profile's format"); ok && v != ProfileVersion {
				n.Errorf("expected permcheck: %s, found %q", ProfileVersion, strictyaml.Excerpt(v))
			}
		}},
		strictyaml.Field{Name: "catalog", Decode: d.catalog},
		strictyaml.Field{Name: "target", Decode: d.target},
		strictyaml.Field{Name: "environment", Decode: func(n strictyaml.Node) {
			d.p.Environment, _ = n.OneOf("an environment", "disposable", "staging", "production")
		}},
		strictyaml.Field{Name: "auth", Decode: d.auth},
		strictyaml.Field{Name: "control", Decode: func(n strictyaml.Node) { d.p.Control = d.endpoint(n, "a control call") }},
		strictyaml.Field{Name: "build", Decode: d.build},
		strictyaml.Field{Name: "keys", Decode: func(n strictyaml.Node) { keys = true; d.keys(n) }},
		strictyaml.Field{Name: "refused", Decode: d.refused},
		strictyaml.Field{Name: "ids", Decode: d.ids},
		strictyaml.Field{Name: "writes", Decode: func(n strictyaml.Node) {
			w, _ := n.OneOf("a policy for writes", "none", "disposable", "all")
			d.p.Writes = conformance.WritePolicy(w)
			d.p.positions["writes"] = pos(n)
		}},
		strictyaml.Field{Name: "expendable", Decode: d.expendable},
		strictyaml.Field{Name: "within", Decode: func(n strictyaml.Node) { d.p.Within = d.duration(n) }},
		strictyaml.Field{Name: "limits", Decode: d.limits},
		strictyaml.Field{Name: "require", Decode: d.require},
		strictyaml.Field{Name: "provision", Decode: d.provision},
		strictyaml.Field{Name: "dialect", Decode: func(n strictyaml.Node) { d.p.positions["dialect"] = pos(n); d.dialect(n) }},
		strictyaml.Field{Name: "bodies", Decode: d.bodies},
		strictyaml.Field{Name: "leave-out", Decode: d.leaveOut},
	}
	what := "a probe profile"
	if manners {
		what, version, keys = "how an API is used", true, true
		fields = slices.DeleteFunc(fields, func(f strictyaml.Field) bool {
			return !slices.Contains([]string{"permcheck", "auth", "control", "build", "ids", "within", "dialect", "bodies", "leave-out"}, f.Name)
		})
	}
	doc.Root.Fields(what, fields...)
	if doc.Root.IsMap() || doc.Root.IsNull() {
		if !version {
			doc.Root.Errorf("the key permcheck is missing: begin the file with permcheck: %s", ProfileVersion)
		}
		if !keys {
			doc.Root.Errorf("the profile has no keys: add keys: with one line for each, such as full: {grants: all, secret: env:PC_FULL}")
		}
	}
	if d.p.Environment == "production" && d.p.Writes != "" && d.p.Writes != conformance.WritesNone {
		doc.Root.Errorf("environment: production is sent reads only: write writes: none, or leave it out")
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return d.p, nil
}

type decoder struct {
	p *Profile
	c *catalogs.Catalog
}

func pos(n strictyaml.Node) catalogs.Pos {
	return catalogs.Pos{File: n.File(), Line: n.Line(), Column: n.Column()}
}

// Pos returns where the profile says something; not valid where it does not.
func (p *Profile) Pos(key string) catalogs.Pos { return p.positions[key] }

func (d *decoder) catalog(n strictyaml.Node) {
	ref, ok := n.Text("the reference of a catalog")
	if !ok {
		return
	}
	d.p.positions["catalog"] = pos(n)
	if !strings.HasPrefix(ref, catalogs.VendorPrefix) && !filepath.IsAbs(ref) {
		ref = filepath.Join(filepath.Dir(d.p.File), ref)
	}
	d.p.Catalog = ref
}

// ParseTarget reads the address of an API.
func ParseTarget(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("%q is not the address of an API: expected something like https://api.example.com", strictyaml.Excerpt(text))
	case u.User != nil:
		return nil, errors.New("an address must not hold a user or a password: name the key in the profile's keys")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q has a query or a fragment: give the address up to the catalog's paths", strictyaml.Excerpt(text))
	}
	return u, nil
}

func (d *decoder) target(n strictyaml.Node) {
	if text, ok := n.Text("the address of an API"); ok {
		u, err := ParseTarget(text)
		if err != nil {
			n.Errorf("%v", err)
		}
		d.p.Target = u
		d.p.positions["target"] = pos(n)
	}
}

// leaveOut reads rows that are not asked about, each with the reason.
func (d *decoder) leaveOut(n strictyaml.Node) {
	d.p.NotAsked = map[string]string{}
	for _, p := range n.Pairs("rows of the catalog that are not asked about, each with the reason") {
		method, path, _ := strings.Cut(p.Name, " ")
		e, ok := d.c.Endpoint(method, strings.TrimSpace(path))
		if !ok {
			p.Key.Errorf("expected a row of catalog %s such as POST /positions, found %q", d.c.Name, strictyaml.Excerpt(p.Name))
			continue
		}
		if why, ok := p.Value.Text("why it is not asked about"); ok {
			d.p.NotAsked[e.String()] = why
		}
	}
}

// plainAuth is how a key is shown where nobody says.
func plainAuth() Auth { return Auth{Header: "Authorization", Scheme: "Bearer"} }

// Under fills in from manners what the profile does not say.
func (p *Profile) Under(manners *Profile) {
	said := func(key string) bool { return p.positions[key].IsValid() }
	if !said("auth") {
		p.Auth = manners.Auth
	}
	if !said("dialect") {
		p.Dialect = manners.Dialect
	}
	if p.Control == nil {
		p.Control = manners.Control
	}
	p.BuildHeader = cmp.Or(p.BuildHeader, manners.BuildHeader)
	p.Within = cmp.Or(p.Within, manners.Within)
	for row, body := range manners.Bodies {
		if _, own := p.Bodies[row]; !own {
			if p.Bodies == nil {
				p.Bodies = map[string]any{}
			}
			p.Bodies[row] = body
		}
	}
	for row, why := range manners.NotAsked {
		if p.NotAsked[row] == "" {
			if p.NotAsked == nil {
				p.NotAsked = map[string]string{}
			}
			p.NotAsked[row] = why
		}
	}
	for _, id := range manners.IDs {
		if !slices.ContainsFunc(p.IDs, func(own ID) bool { return own.Param == id.Param }) {
			p.IDs = append(p.IDs, id)
		}
	}
}

func (d *decoder) auth(n strictyaml.Node) {
	d.p.positions["auth"] = pos(n)
	d.authInto(n, &d.p.Auth, true)
}

// authInto reads one way to show a key, at the outside also those for parts of the API.
func (d *decoder) authInto(n strictyaml.Node, to *Auth, outside bool) {
	fields := []strictyaml.Field{
		strictyaml.Field{Name: "send", Decode: func(n strictyaml.Node) {
			text, ok := n.Text("how a key is sent")
			if !ok {
				return
			}
			words := strings.Fields(text)
			switch {
			case text == "bearer":
			case text == "basic":
				to.Scheme, to.Basic = "Basic", true
			case len(words) == 2 && words[0] == "header" && isToken(words[1]):
				to.Header, to.Scheme = http.CanonicalHeaderKey(words[1]), ""
			case len(words) == 2 && words[0] == "query":
				to.Header, to.Scheme, to.Query = "", "", words[1]
			default:
				n.Errorf("expected bearer, basic, header NAME or query NAME, found %q", strictyaml.Excerpt(text))
			}
		}},
		strictyaml.Field{Name: "jwt", Decode: func(n strictyaml.Node) { to.JWT = d.jwt(n) }},
		strictyaml.Field{Name: "exchange", Decode: func(n strictyaml.Node) {
			x := &Exchange{}
			n.Fields("how a token is got for a key",
				strictyaml.Field{Name: "url", Decode: func(n strictyaml.Node) {
					text, ok := n.Text("where tokens are got")
					if !ok {
						return
					}
					if _, err := ParseTarget(text); err != nil && !strings.HasPrefix(text, "/") {
						n.Errorf("expected a path of the target or an address, found %q", strictyaml.Excerpt(text))
					}
					x.URL = text
				}},
				strictyaml.Field{Name: "json", Decode: func(n strictyaml.Node) {
					x.JSON = map[string]any{}
					for _, p := range n.Pairs("the members of a JSON body") {
						x.JSON[p.Name] = p.Value.Scalar()
					}
				}},
				strictyaml.Field{Name: "form", Decode: func(n strictyaml.Node) {
					x.Form = map[string]string{}
					for _, p := range n.Pairs("the fields of a form") {
						x.Form[p.Name] = p.Value.Value()
					}
				}},
				strictyaml.Field{Name: "token", Decode: func(n strictyaml.Node) { x.Token = field(n) }},
				strictyaml.Field{Name: "expires", Decode: func(n strictyaml.Node) { x.Expires = field(n) }},
				strictyaml.Field{Name: "basic", Decode: func(n strictyaml.Node) { x.Basic, _ = n.Bool("whether user and secret go in the Authorization header") }},
				strictyaml.Field{Name: "authorization", Decode: func(n strictyaml.Node) { x.Authorization = d.secret(n) }},
				strictyaml.Field{Name: "rotates", Decode: func(n strictyaml.Node) {
					text, ok := n.Text("header NAME")
					name, header := strings.CutPrefix(text, "header ")
					if ok && (!header || !isToken(name)) {
						n.Errorf("expected header NAME, found %q", strictyaml.Excerpt(text))
					}
					x.Rotates = http.CanonicalHeaderKey(name)
				}},
			)
			switch {
			case x.URL == "" || x.Token == "":
				n.Errorf("an exchange needs url: and token:")
			case (x.JSON == nil) == (x.Form == nil):
				n.Errorf("an exchange needs a body: either json: or form:")
			}
			to.Exchange = x
		}},
		strictyaml.Field{Name: "with", Decode: func(n strictyaml.Node) {
			to.With = map[string]string{}
			for _, p := range n.Pairs("headers that go with a key") {
				text, ok := p.Value.Text("the value of a header")
				if !isToken(p.Name) || ok && strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
					p.Key.Errorf("expected a header, found %q", strictyaml.Excerpt(p.Name))
				}
				to.With[http.CanonicalHeaderKey(p.Name)] = text
			}
		}},
	}
	if outside {
		fields = append(fields, strictyaml.Field{Name: "below", Decode: func(n strictyaml.Node) {
			for _, p := range n.Pairs("how a key is shown to paths that begin so") {
				if !strings.HasPrefix(p.Name, "/") {
					p.Key.Errorf("expected the beginning of paths such as /v1/, found %q", strictyaml.Excerpt(p.Name))
				}
				b := AuthBelow{p.Name, plainAuth()}
				d.authInto(p.Value, &b.Auth, false)
				to.Below = append(to.Below, b)
			}
		}})
	}
	n.Fields("how a key is shown", fields...)
	if to.JWT != nil && to.Exchange != nil {
		n.Errorf("auth: has both jwt: and exchange:; a key is shown in one way")
	}
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	})
}

func field(n strictyaml.Node) string {
	text, ok := n.Text("a path in a JSON answer")
	if ok && !fieldPath.MatchString(text) {
		n.Errorf("expected a path in a JSON answer such as data.0.id, found %q", strictyaml.Excerpt(text))
	}
	return text
}

// endpoint reads "GET /path" and finds the row.
func (d *decoder) endpoint(n strictyaml.Node, want string) *catalogs.Endpoint {
	text, ok := n.Text(want + " such as GET /positions")
	if !ok {
		return nil
	}
	method, path, _ := strings.Cut(text, " ")
	e, ok := d.c.Endpoint(method, strings.TrimSpace(path))
	switch {
	case method != "GET" || !ok:
		n.Errorf("expected %s that is a GET row of catalog %s, found %q", want, d.c.Name, strictyaml.Excerpt(text))
		return nil
	case e.Requires == nil || e.Requires.IsUnknown():
		n.Errorf("the catalog does not know what %s requires: name another row", strictyaml.Excerpt(text))
		return nil
	case strings.Contains(e.Path, "{"):
		n.Errorf("expected %s without path parameters, found %q", want, strictyaml.Excerpt(text))
		return nil
	}
	return e
}

func (d *decoder) build(n strictyaml.Node) {
	text, ok := n.Text("where the build is said")
	words := strings.Fields(text)
	if ok && (len(words) != 2 || words[0] != "header" || !isToken(words[1])) {
		n.Errorf("expected header NAME, found %q", strictyaml.Excerpt(text))
		return
	}
	if ok {
		d.p.BuildHeader = words[1]
	}
}

func (d *decoder) keys(n strictyaml.Node) {
	pairs := n.Pairs("keys by name")
	if len(pairs) == 0 && (n.IsNull() || n.IsMap()) {
		n.Errorf("the profile has no keys: add a line for each, such as full: {grants: all, secret: env:PC_FULL}")
	}
	for _, pair := range pairs {
		k := Key{Name: pair.Name, Pos: pos(pair.Key)}
		switch {
		case pair.Name == conformance.AnonymousKey || pair.Name == conformance.MalformedKey || pair.Name == conformance.UnknownKey:
			pair.Key.Errorf("the name %q is taken: every run sends that by itself", pair.Name)
		case !keyName.MatchString(pair.Name):
			pair.Key.Errorf("expected a key's name of letters, digits and . _ -, found %q", strictyaml.Excerpt(pair.Name))
		}
		hasGrants, hasSecret := false, false
		pair.Value.Fields("a key",
			strictyaml.Field{Name: "grants", Decode: func(n strictyaml.Node) { hasGrants = true; k.Grants = d.grants(n) }},
			strictyaml.Field{Name: "user", Decode: func(n strictyaml.Node) { k.User, _ = n.Text("a user") }},
			strictyaml.Field{Name: "scopes", Decode: func(n strictyaml.Node) { k.Scopes, _ = n.Text("scopes joined by spaces") }},
			strictyaml.Field{Name: "secret", Decode: func(n strictyaml.Node) { hasSecret = true; k.Secret = d.secret(n) }},
			strictyaml.Field{Name: "sharing", Decode: func(n strictyaml.Node) { k.Sharing = d.sharing(n) }},
			strictyaml.Field{Name: "lists", Decode: func(n strictyaml.Node) { k.Lists = d.lists(n) }},
			strictyaml.Field{Name: "state", Decode: func(n strictyaml.Node) { k.State = d.state(n) }},
			strictyaml.Field{Name: "id", Decode: func(n strictyaml.Node) { k.ID, _ = n.Text("what the provisioner calls the key") }},
			strictyaml.Field{Name: "lifecycle", Decode: func(n strictyaml.Node) { k.Lifecycle, _ = n.Bool("whether its life cycle may be tested") }},
		)
		if d.c.Credentials.States[k.State] == "admitted" {
			k.State = "" // another name for being enabled
		}
		if pair.Value.IsMap() || pair.Value.IsNull() {
			if !hasGrants {
				pair.Value.Errorf("key %s says nothing about its grants: add grants: all, none, or permissions joined by &", strictyaml.Excerpt(pair.Name))
			}
			if !hasSecret {
				pair.Value.Errorf("key %s has no secret: add secret: env:NAME or file:PATH", strictyaml.Excerpt(pair.Name))
			}
		}
		d.p.Keys = append(d.p.Keys, k)
	}
}

func (d *decoder) grants(n strictyaml.Node) perm.Set {
	text, ok := n.Text("a grant: all, none, or permissions joined by &")
	if !ok {
		return nil
	}
	set, err := conformance.ParseGrant(text, d.c)
	if err != nil {
		offset := 0
		var syntax *perm.SyntaxError
		if errors.As(err, &syntax) {
			offset = len([]rune(text[:min(syntax.Offset, len(text))]))
		}
		n.ErrorAt(offset, "%v", err)
	}
	return set
}

// secret reads where a secret is. The text of one that is wrong is never repeated: it may be
// the secret itself.
func (d *decoder) secret(n strictyaml.Node) SecretRef {
	const expected = "expected env:NAME, file:PATH or {command: [PROGRAM, ARGUMENT]}; a secret itself must never stand in a profile"
	var ref SecretRef
	if n.IsMap() {
		n.Fields("where a secret is", strictyaml.Field{Name: "command", Decode: func(n strictyaml.Node) {
			ref.Command = n.Texts("a program and its arguments", "an argument")
		}})
		if len(ref.Command) == 0 {
			n.Errorf("%s", expected)
		}
		return ref
	}
	kind, where, _ := strings.Cut(n.Value(), ":")
	switch {
	case kind == "env" && envName.MatchString(where):
		ref.Env = where
	case kind == "file" && where != "" && !strings.ContainsRune(where, 0):
		ref.File = where
	case kind == "env":
		n.Errorf("this is not a name of an environment variable: %s", expected)
	default:
		n.Errorf("%s", expected)
	}
	return ref
}

func (d *decoder) sharing(n strictyaml.Node) map[string]string {
	out := map[string]string{}
	for _, p := range n.Pairs("a sharing option for each object") {
		i := slices.IndexFunc(d.c.Records, func(r catalogs.Record) bool { return r.Object == p.Name && len(r.Sharing) > 0 })
		if i < 0 {
			p.Key.Errorf("the catalog has no sharing for %q", strictyaml.Excerpt(p.Name))
			continue
		}
		var options []string
		for _, o := range d.c.Records[i].Sharing {
			options = append(options, o.Name)
		}
		out[p.Name], _ = p.Value.OneOf("a sharing option", options...)
	}
	return out
}

func (d *decoder) lists(n strictyaml.Node) map[string][]string {
	out := map[string][]string{}
	for _, p := range n.Pairs("the attributes of each allow list") {
		if !slices.ContainsFunc(d.c.AllowLists, func(l catalogs.AllowList) bool { return l.Name == p.Name }) {
			p.Key.Errorf("the catalog has no allow list %q", strictyaml.Excerpt(p.Name))
			continue
		}
		out[p.Name] = p.Value.Texts("attributes", "an attribute")
	}
	return out
}

func (d *decoder) state(n strictyaml.Node) string {
	states := []string{"enabled", "disabled", "revoked"}
	for s := range d.c.Credentials.States {
		if !slices.Contains(states, s) {
			states = append(states, s)
		}
	}
	slices.Sort(states)
	s, _ := n.OneOf("a state", states...)
	return s
}

func (d *decoder) refused(n strictyaml.Node) {
	d.p.Refused = conformance.Forms{}
	d.p.positions["refused"] = pos(n)
	form := func(n strictyaml.Node) (out catalogs.Denial) {
		const want = "an HTTP status that refuses"
		switch {
		case n.IsMap():
			n.Fields("a form of refusal",
				strictyaml.Field{Name: "status", Decode: func(n strictyaml.Node) { out.Status, _ = n.Int(want, 300, 499) }},
				strictyaml.Field{Name: "body", Decode: func(n strictyaml.Node) {
					out.Body = map[string]any{}
					for _, p := range n.Pairs("members of the body") {
						out.Body[p.Name] = p.Value.Scalar()
					}
				}},
			)
		case n.Value() == "empty":
			out.Status = http.StatusOK
		case n.Value() != "unknown":
			out.Status, _ = n.Int(want+", empty or unknown", 300, 499)
		}
		return out
	}
	// set states a form for some kinds of rows.
	set := func(into func(*catalogs.Refused) *catalogs.Denial) func(strictyaml.Node) {
		put := func(at strictyaml.Node, d2 catalogs.Denial, kinds ...conformance.RowKind) {
			for _, kind := range kinds {
				if d2.Status == http.StatusOK && kind != conformance.ListRow {
					at.Errorf("only a list can be refused by being empty")
					return
				}
				r := d.p.Refused[kind]
				*into(&r) = d2
				d.p.Refused[kind] = r
			}
		}
		return func(n strictyaml.Node) {
			byKind := n.IsMap() && slices.ContainsFunc(n.Pairs("a form of refusal"), func(p strictyaml.Pair) bool {
				return slices.Contains(conformance.RowKinds, conformance.RowKind(p.Name))
			})
			if !byKind {
				put(n, form(n), conformance.RowKinds...)
				return
			}
			var fields []strictyaml.Field
			for _, kind := range conformance.RowKinds {
				fields = append(fields, strictyaml.Field{Name: string(kind), Decode: func(n strictyaml.Node) { put(n, form(n), kind) }})
			}
			n.Fields("forms of refusal by what is called", fields...)
		}
	}
	n.Fields("forms of refusal",
		strictyaml.Field{Name: "anonymous", Decode: set(func(r *catalogs.Refused) *catalogs.Denial { return &r.Anonymous })},
		strictyaml.Field{Name: "invalid", Decode: set(func(r *catalogs.Refused) *catalogs.Denial { return &r.Invalid })},
		strictyaml.Field{Name: "forbidden", Decode: set(func(r *catalogs.Refused) *catalogs.Denial { return &r.Forbidden })},
	)
}

// params returns the names of the catalog's path parameters.
func (d *decoder) params() []string {
	var names []string
	for i := range d.c.Endpoints {
		if t, err := catalogs.ParseTemplate(d.c.Endpoints[i].Path); err == nil {
			names = append(names, t.Params()...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (d *decoder) knownParam(n strictyaml.Node, name string) {
	names := d.params()
	if slices.Contains(names, name) {
		return
	}
	hint := ""
	if near := strictyaml.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	n.Errorf("no path of catalog %s has a parameter {%s}%s", d.c.Name, strictyaml.Excerpt(name), hint)
}

func (d *decoder) ids(n strictyaml.Node) {
	for _, p := range n.Pairs("a value for each path parameter") {
		d.knownParam(p.Key, p.Name)
		id := ID{Param: p.Name, Pos: pos(p.Key)}
		if p.Value.IsMap() {
			p.Value.Fields("where a value is read from",
				strictyaml.Field{Name: "from", Decode: func(n strictyaml.Node) { id.From = d.endpoint(n, "a list") }},
				strictyaml.Field{Name: "field", Decode: func(n strictyaml.Node) { id.Field = field(n) }},
			)
			if id.Field == "" {
				p.Value.Errorf("expected from: and field:, such as {from: GET /positions, field: data.0.id}")
			}
		} else {
			id.Value = idValue(p.Value)
		}
		d.p.IDs = append(d.p.IDs, id)
	}
}

// idValue reads a fixed id, which may look like a number.
func idValue(n strictyaml.Node) string {
	v := n.Value()
	if v == "" || n.IsNull() || len(v) > 1000 || v == "." || v == ".." {
		n.Errorf("expected an id")
	}
	return v
}

func (d *decoder) expendable(n strictyaml.Node) {
	d.p.Expendable = map[string][]string{}
	for _, p := range n.Pairs("expendable ids for each path parameter") {
		d.knownParam(p.Key, p.Name)
		for _, item := range p.Value.Items("a list of ids") {
			d.p.Expendable[p.Name] = append(d.p.Expendable[p.Name], idValue(item))
		}
	}
}

func (d *decoder) duration(n strictyaml.Node) time.Duration {
	v, err := time.ParseDuration(n.Value())
	if err != nil || v <= 0 || v > 24*time.Hour {
		n.Errorf("expected a duration such as 30s, 15m or 2h, up to 24h")
	}
	return v
}

func (d *decoder) limits(n strictyaml.Node) {
	duration := func(into *time.Duration) func(strictyaml.Node) {
		return func(n strictyaml.Node) { *into = d.duration(n) }
	}
	n.Fields("limits",
		strictyaml.Field{Name: "rate", Decode: func(n strictyaml.Node) {
			num, unit, _ := strings.Cut(n.Value(), "/")
			v, err := strconv.ParseFloat(num, 64)
			if per := map[string]float64{"s": 1, "m": 60, "h": 3600}[unit]; err != nil || !(v > 0 && v <= 1e6) || per == 0 {
				n.Errorf("expected a rate such as 10/s or 600/m")
			} else {
				d.p.Limits.Rate = v / per
			}
		}},
		strictyaml.Field{Name: "connections", Decode: func(n strictyaml.Node) {
			d.p.Limits.Connections, _ = n.Int("a number of connections, 1 to 1024", 1, 1024)
		}},
		strictyaml.Field{Name: "requests", Decode: func(n strictyaml.Node) {
			d.p.Limits.Requests, _ = n.Int("a number of requests", 1, 1<<31-1)
		}},
		strictyaml.Field{Name: "deadline", Decode: duration(&d.p.Limits.Deadline)},
		strictyaml.Field{Name: "timeout", Decode: duration(&d.p.Limits.Timeout)},
	)
}

func (d *decoder) require(n strictyaml.Node) {
	n.Fields("what a run must reach",
		strictyaml.Field{Name: "proven", Decode: func(n strictyaml.Node) {
			num, ok := strings.CutSuffix(n.Value(), "%")
			v, err := strconv.ParseFloat(num, 64)
			if !ok || err != nil || !(v >= 0 && v <= 100) {
				n.Errorf("expected a share such as 95%%")
			}
			d.p.Require.Proven = v / 100
		}},
		strictyaml.Field{Name: "controls", Decode: func(n strictyaml.Node) {
			v, ok := n.OneOf("whose control calls must be right", "all", "none")
			d.p.Require.Controls = ok && v == "all"
		}},
	)
}

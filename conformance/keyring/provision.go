package keyring

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// Bounds on a provisioner's command.
const (
	commandTimeout = 30 * time.Second
	maxComplaint   = 200 // characters of what a command says when it fails
)

// mintAction is the name of minting in profiles and in what a command is told.
const mintAction = "mint"

// Provision says how keys are made and changed: by a command, or by requests to an admin API.
type Provision struct {
	// Command is a program and its arguments, started without a shell. It is told one action
	// as a JSON object on its standard input and answers with one on its standard output.
	Command []string
	// URL is the address of an admin API, Header what each request to it carries, where
	// $secret stands for Secret.
	URL     string
	Header  map[string]string
	Secret  SecretRef
	Actions map[string]AdminCall
}

// An AdminCall is the request for one action. In its path and in the texts of its body $id,
// $name and $owner stand for the key's, and a text that is nothing but $grants, $sharing,
// $lists or $expires for that value.
type AdminCall struct {
	Method, Path string
	JSON         any
	// Where the answer says what: paths such as data.id. Mint needs ID and Secret.
	ID, Secret, Owner, User string
}

// Mints reports whether the profile says how keys are made. A command is taken at its word
// when it runs.
func (p *Profile) Mints() bool {
	if p.Provision == nil {
		return false
	}
	_, ok := p.Provision.Actions["mint"]
	return ok || len(p.Provision.Command) > 0
}

// Provisioner returns what makes and changes keys; nil when the profile does not say.
func (p *Profile) Provisioner(ctx context.Context, target *url.URL) (conformance.Provisioner, error) {
	v := p.Provision
	switch {
	case v == nil:
		return nil, nil
	case len(v.Command) > 0:
		c := &commandProvisioner{profile: p, target: target, command: v.Command}
		var can struct{ Actions []string }
		if err := c.run(ctx, map[string]any{"version": 1, "action": "can"}, &can); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Pos("provision"), err)
		}
		c.can = can.Actions
		return c, nil
	}
	a := &httpProvisioner{profile: p, target: target}
	if !v.Secret.isZero() {
		secret, err := v.Secret.lookUp(ctx, filepath.Dir(p.File))
		if err != nil {
			return nil, fmt.Errorf("%s: the admin API's secret: %w", p.Pos("provision"), err)
		}
		p.keep("the_admin_secret", v.Secret, secret, "")
		a.secret = secret
	}
	return a, nil
}

// Marked are the keys of a plan whose life cycle may be tested.
func (p *Profile) Marked(plan *conformance.Plan, creds []conformance.Credential) map[int]conformance.MintedKey {
	out := map[int]conformance.MintedKey{}
	for i, pk := range plan.Keys {
		j := slices.IndexFunc(p.Keys, func(k Key) bool { return k.Name == pk.Name })
		if j >= 0 && p.Keys[j].Lifecycle && p.Keys[j].enabled() {
			out[i] = conformance.MintedKey{ID: cmp.Or(p.Keys[j].ID, pk.Name), Credential: creds[i]}
		}
	}
	return out
}

// told is what a provisioner is told about a key.
func told(spec conformance.KeySpec) map[string]any {
	m := map[string]any{"name": spec.Name, "grants": append(perm.Set{}, spec.Grants...)}
	if len(spec.Sharing) > 0 {
		m["sharing"] = spec.Sharing
	}
	if len(spec.Lists) > 0 {
		m["lists"] = spec.Lists
	}
	if !spec.Expires.IsZero() {
		m["expires"] = spec.Expires.UTC().Format(time.RFC3339)
	}
	return m
}

// A commandProvisioner starts a process for each action.
type commandProvisioner struct {
	profile *Profile
	target  *url.URL
	command []string
	can     []string
}

func (c *commandProvisioner) Can(action conformance.Action) bool {
	if action == "" {
		action = mintAction
	}
	return slices.Contains(c.can, string(action))
}

// commandAnswer is what a command says.
type commandAnswer struct{ ID, Secret, User, Error string }

func (c *commandProvisioner) Mint(ctx context.Context, spec conformance.KeySpec) (conformance.MintedKey, error) {
	in := told(spec)
	in["version"], in["action"] = 1, mintAction
	var out commandAnswer
	if err := c.run(ctx, in, &out); err != nil {
		return conformance.MintedKey{}, err
	}
	if out.ID == "" || out.Secret == "" {
		return conformance.MintedKey{}, errors.New("the provisioner's command answered a mint without id and secret")
	}
	return c.profile.minted(ctx, c.target, conformance.MintedKey{ID: out.ID}, out.User, out.Secret)
}

func (c *commandProvisioner) Do(ctx context.Context, key conformance.MintedKey, action conformance.Action, spec conformance.KeySpec) (conformance.MintedKey, error) {
	in := told(spec)
	delete(in, "name")
	if action != conformance.Regrant {
		delete(in, "grants")
	}
	in["version"], in["action"], in["id"] = 1, action, key.ID
	var out commandAnswer
	if err := c.run(ctx, in, &out); err != nil {
		return key, err
	}
	if out.Secret == "" {
		return key, nil
	}
	return c.profile.minted(ctx, c.target, key, out.User, out.Secret)
}

// run starts the command for one action. Errors hold nothing of its output but, where it
// failed, the beginning of what it complained of.
func (c *commandProvisioner) run(ctx context.Context, in any, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	answer, err := runCommand(ctx, c.command, filepath.Dir(c.profile.File), append(data, '\n'))
	if err != nil {
		return fmt.Errorf("the provisioner's command: %w", err)
	}
	var failed commandAnswer
	if json.Unmarshal(answer, &failed) == nil && failed.Error != "" {
		return fmt.Errorf("the provisioner's command: %s", clip(failed.Error))
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return errors.New("the provisioner's command answered something else than one JSON object")
	}
	return nil
}

// runCommand starts a program without a shell, in the profile's folder, and returns what it
// wrote, bounded. A program that is named by a path is looked for below that folder too.
func runCommand(ctx context.Context, command []string, dir string, in []byte) ([]byte, error) {
	program := command[0]
	if strings.ContainsRune(program, '/') && !filepath.IsAbs(program) {
		var err error
		if program, err = filepath.Abs(filepath.Join(dir, program)); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, program, command[1:]...)
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(in)
	cmd.WaitDelay = time.Second
	var stdout, stderr bounded
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s did not end in time", command[0])
	case err != nil:
		said := clip(strings.TrimSpace(stderr.b.String()))
		if said != "" {
			said = ": " + said
		}
		return nil, fmt.Errorf("%s: %w%s", command[0], err, said)
	case stdout.over:
		return nil, fmt.Errorf("%s wrote more than %d kB", command[0], maxAnswer>>10)
	}
	return stdout.b.Bytes(), nil
}

// clip makes a line of a text that others wrote.
func clip(text string) string {
	text = report.Clean(text)
	if r := []rune(text); len(r) > maxComplaint {
		text = string(r[:maxComplaint]) + "..."
	}
	return text
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	b    bytes.Buffer
	over bool
}

func (w *bounded) Write(p []byte) (int, error) {
	if room := maxAnswer - w.b.Len(); len(p) > room {
		w.over = true
		w.b.Write(p[:room])
	} else {
		w.b.Write(p)
	}
	return len(p), nil
}

// An httpProvisioner sends one request for each action.
type httpProvisioner struct {
	profile *Profile
	target  *url.URL
	secret  string
}

func (a *httpProvisioner) Can(action conformance.Action) bool {
	if action == "" {
		action = mintAction
	}
	_, ok := a.profile.Provision.Actions[string(action)]
	return ok
}

func (a *httpProvisioner) Mint(ctx context.Context, spec conformance.KeySpec) (conformance.MintedKey, error) {
	call := a.profile.Provision.Actions[mintAction]
	v, err := a.call(ctx, call, conformance.MintedKey{}, spec)
	if err != nil {
		return conformance.MintedKey{}, err
	}
	key := conformance.MintedKey{ID: text(at(v, call.ID))}
	secret := text(at(v, call.Secret))
	if key.ID == "" || secret == "" {
		return conformance.MintedKey{}, fmt.Errorf("%s answered a mint without an id at %s and a secret at %s", a.profile.Provision.URL, call.ID, call.Secret)
	}
	if call.Owner != "" {
		key.Owner = text(at(v, call.Owner))
	}
	return a.profile.minted(ctx, a.target, key, text(at(v, call.User)), secret)
}

func (a *httpProvisioner) Do(ctx context.Context, key conformance.MintedKey, action conformance.Action, spec conformance.KeySpec) (conformance.MintedKey, error) {
	call, ok := a.profile.Provision.Actions[string(action)]
	if !ok {
		return key, fmt.Errorf("the profile does not say how to %s a key", action)
	}
	v, err := a.call(ctx, call, key, spec)
	if err != nil || call.Secret == "" {
		return key, err
	}
	secret := text(at(v, call.Secret))
	if secret == "" {
		return key, fmt.Errorf("%s answered without a secret at %s", a.profile.Provision.URL, call.Secret)
	}
	return a.profile.minted(ctx, a.target, key, text(at(v, call.User)), secret)
}

// text is the text of an id or a secret in an answer.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// call sends the request of an action. Errors hold neither secrets nor the answer.
func (a *httpProvisioner) call(ctx context.Context, call AdminCall, key conformance.MintedKey, spec conformance.KeySpec) (any, error) {
	address, data, err := a.fill(call, key, spec)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if data != nil {
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, address, body)
	if err != nil {
		return nil, err
	}
	for name, v := range a.profile.Provision.Header {
		req.Header.Set(name, strings.ReplaceAll(v, "$secret", a.secret))
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	v, err := fetchJSON(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", call.Method, call.Path, err)
	}
	return v, nil
}

// fill puts a key and what it is to be into the address and the body of a request; a nil body
// means none.
func (a *httpProvisioner) fill(call AdminCall, key conformance.MintedKey, spec conformance.KeySpec) (address string, body []byte, err error) {
	escape := strings.NewReplacer("$id", url.PathEscape(key.ID), "$owner", url.PathEscape(key.Owner), "$name", url.PathEscape(spec.Name))
	if call.JSON != nil {
		values := told(spec)
		values["id"], values["owner"] = key.ID, key.Owner
		if body, err = json.Marshal(filled(call.JSON, values)); err != nil {
			return "", nil, err
		}
	}
	return strings.TrimSuffix(a.profile.Provision.URL, "/") + escape.Replace(call.Path), body, nil
}

// Request is the request for an action, without the admin API's secret.
func (a *httpProvisioner) Request(action conformance.Action, key conformance.MintedKey, spec conformance.KeySpec) (conformance.AdminRequest, error) {
	if action == "" {
		action = mintAction
	}
	call, ok := a.profile.Provision.Actions[string(action)]
	if !ok {
		return conformance.AdminRequest{}, fmt.Errorf("the profile does not say how to %s a key", action)
	}
	address, body, err := a.fill(call, key, spec)
	if err != nil {
		return conformance.AdminRequest{}, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return conformance.AdminRequest{}, errors.New("the request's path is none")
	}
	return conformance.AdminRequest{Method: call.Method, URL: u, Body: body}, nil
}

// Made reads the id of a new key from an answer.
func (a *httpProvisioner) Made(answer any) string {
	return text(at(answer, a.profile.Provision.Actions[mintAction].ID))
}

// filled puts values into a template of a JSON body. A member whose value there is none for
// is left out.
func filled(template any, values map[string]any) any {
	switch t := template.(type) {
	case string:
		if name, whole := strings.CutPrefix(t, "$"); whole {
			if v, ok := values[name]; ok {
				return v
			}
			if slices.Contains([]string{"sharing", "lists", "expires", "id", "owner"}, name) {
				return nil
			}
		}
		for _, name := range []string{"id", "owner", "name"} {
			if v, ok := values[name].(string); ok {
				t = strings.ReplaceAll(t, "$"+name, v)
			}
		}
		return t
	case map[string]any:
		out := map[string]any{}
		for name, v := range t {
			if put := filled(v, values); put != nil || v == nil {
				out[name] = put
			}
		}
		return out
	case []any:
		out := make([]any, len(t))
		for i := range t {
			out[i] = filled(t[i], values)
		}
		return out
	}
	return template
}

// provision reads how keys are made.
func (d *decoder) provision(n strictyaml.Node) {
	v := &Provision{Actions: map[string]AdminCall{}}
	d.p.positions["provision"] = pos(n)
	fields := []strictyaml.Field{
		{Name: "command", Decode: func(n strictyaml.Node) { v.Command = n.Texts("a program and its arguments", "an argument") }},
		{Name: "url", Decode: func(n strictyaml.Node) {
			text, ok := n.Text("the address of an admin API")
			if ok {
				if _, err := ParseTarget(text); err != nil {
					n.Errorf("%v", err)
				}
			}
			v.URL = text
		}},
		{Name: "header", Decode: func(n strictyaml.Node) {
			v.Header = map[string]string{}
			for _, p := range n.Pairs("headers of a request") {
				if !isToken(p.Name) {
					p.Key.Errorf("expected the name of a header, found %q", strictyaml.Excerpt(p.Name))
				}
				v.Header[p.Name] = p.Value.Value()
			}
		}},
		{Name: "secret", Decode: func(n strictyaml.Node) { v.Secret = d.secret(n) }},
	}
	actions := []string{mintAction, string(conformance.Regrant), string(conformance.Disable), string(conformance.Enable), string(conformance.Revoke), string(conformance.Delete),
		string(conformance.Rotate), string(conformance.Expire), string(conformance.DisableOwner), string(conformance.EnableOwner)}
	for name := range d.c.Credentials.Actions {
		if !slices.Contains(actions, name) {
			actions = append(actions, name)
		}
	}
	slices.Sort(actions)
	for _, action := range actions {
		fields = append(fields, strictyaml.Field{Name: action, Decode: func(n strictyaml.Node) { v.Actions[action] = d.adminCall(n, action) }})
	}
	n.Fields("how keys are made", fields...)
	switch {
	case (len(v.Command) == 0) == (v.URL == ""):
		n.Errorf("expected either command: [PROGRAM, ARGUMENT...] or url: and the requests for mint: and other actions")
	case len(v.Command) > 0 && len(v.Actions)+len(v.Header) > 0:
		n.Errorf("a command is told the action; leave out the requests")
	case v.URL != "" && v.Actions[mintAction].Method == "" && len(v.Actions) == 0:
		n.Errorf("the requests are missing: mint: makes keys; disable: and enable: are enough for keys that are marked lifecycle: true")
	}
	d.p.Provision = v
}

func (d *decoder) adminCall(n strictyaml.Node, action string) AdminCall {
	var c AdminCall
	path := func(into *string) func(strictyaml.Node) { return func(n strictyaml.Node) { *into = field(n) } }
	n.Fields("a request of the admin API",
		strictyaml.Field{Name: "call", Decode: func(n strictyaml.Node) {
			text, ok := n.Text("a request such as POST /keys")
			if !ok {
				return
			}
			c.Method, c.Path, _ = strings.Cut(text, " ")
			if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, c.Method) || !strings.HasPrefix(c.Path, "/") {
				n.Errorf("expected a request such as POST /keys/$id/disable, found %q", strictyaml.Excerpt(text))
			}
		}},
		strictyaml.Field{Name: "json", Decode: func(n strictyaml.Node) { c.JSON = anyValue(n) }},
		strictyaml.Field{Name: "id", Decode: path(&c.ID)},
		strictyaml.Field{Name: "secret", Decode: path(&c.Secret)},
		strictyaml.Field{Name: "owner", Decode: path(&c.Owner)},
		strictyaml.Field{Name: "user", Decode: path(&c.User)},
	)
	switch {
	case c.Method == "":
		n.Errorf("the request is missing: add call: such as POST /keys")
	case action == mintAction && (c.ID == "" || c.Secret == ""):
		n.Errorf("mint: needs id: and secret:, which say where they stand in the answer")
	}
	return c
}

// anyValue reads a JSON body of any shape.
func anyValue(n strictyaml.Node) any {
	switch {
	case n.IsMap():
		m := map[string]any{}
		for _, p := range n.Pairs("members of a JSON body") {
			m[p.Name] = anyValue(p.Value)
		}
		return m
	case n.IsList():
		var list []any
		for _, item := range n.Items("a list of a JSON body") {
			list = append(list, anyValue(item))
		}
		return list
	}
	return n.Scalar()
}

// bodies reads the bodies of requests.
func (d *decoder) bodies(n strictyaml.Node) {
	d.p.Bodies = map[string]any{}
	for _, p := range n.Pairs("a body for each row of the catalog") {
		method, path, _ := strings.Cut(p.Name, " ")
		if e, ok := d.c.Endpoint(method, strings.TrimSpace(path)); ok {
			d.p.Bodies[catalogs.EndpointKey(method, e.Path)] = anyValue(p.Value)
		} else {
			p.Key.Errorf("expected a row of catalog %s such as POST /positions, found %q", d.c.Name, strictyaml.Excerpt(p.Name))
		}
	}
}

// dialect reads how the API spells what its lists can do.
func (d *decoder) dialect(n strictyaml.Node) {
	v := &conformance.Dialect{}
	d.p.Dialect = v
	word := func(into *string) func(strictyaml.Node) {
		return func(n strictyaml.Node) {
			text, ok := n.Text("the name of a parameter")
			if ok && strings.ContainsAny(text, "?# ") {
				n.Errorf("expected the name of a parameter such as q, or a query such as filter[{field}]={}, found %q", strictyaml.Excerpt(text))
			}
			*into = text
		}
	}
	place := func(into *string) func(strictyaml.Node) {
		return func(n strictyaml.Node) {
			if n.Value() == "." {
				*into = "."
				return
			}
			*into = field(n)
		}
	}
	places := func(into *[]string) func(strictyaml.Node) {
		return func(n strictyaml.Node) {
			items := []strictyaml.Node{n}
			if n.IsList() {
				items = n.Items("where it stands")
			}
			for _, item := range items {
				var path string
				place(&path)(item)
				*into = append(*into, path)
			}
		}
	}
	n.Fields("a dialect",
		strictyaml.Field{Name: "list", Decode: places(&v.List)},
		strictyaml.Field{Name: "id", Decode: places(&v.ID)},
		strictyaml.Field{Name: "next", Decode: place(&v.Next)},
		strictyaml.Field{Name: "total", Decode: func(n strictyaml.Node) {
			items := []strictyaml.Node{n}
			if n.IsList() {
				items = n.Items("where the total stands")
			}
			for _, item := range items {
				text, ok := item.Text("where the total stands, such as meta.total or header X-Total-Count")
				name, header := strings.CutPrefix(text, "header ")
				if ok && !(header && isToken(name) || fieldPath.MatchString(text)) {
					item.Errorf("expected meta.total or header X-Total-Count or the like, found %q", strictyaml.Excerpt(text))
				}
				v.Total = append(v.Total, text)
			}
		}},
		strictyaml.Field{Name: "search", Decode: word(&v.Search)},
		strictyaml.Field{Name: "filter", Decode: word(&v.Filter)},
		strictyaml.Field{Name: "sort", Decode: word(&v.Sort)},
		strictyaml.Field{Name: "descending", Decode: word(&v.Descending)},
		strictyaml.Field{Name: "fields", Decode: word(&v.Fields)},
		strictyaml.Field{Name: "include", Decode: word(&v.Include)},
		strictyaml.Field{Name: "limit", Decode: word(&v.Limit)},
		strictyaml.Field{Name: "cursor", Decode: word(&v.Cursor)},
		strictyaml.Field{Name: "page", Decode: word(&v.Page)},
		strictyaml.Field{Name: "offset", Decode: word(&v.Offset)},
		strictyaml.Field{Name: "ids", Decode: word(&v.IDs)},
	)
}

package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/permcheck/permcheck/conformance"
)

// A command is one command of scripts.
type command = func(ts *testscript.TestScript, neg bool, args []string)

// commandTable lists the commands of scripts; doc.go describes them.
func (r *run) commandTable() map[string]command {
	table := map[string]command{
		"as": r.as, "key": r.key, "bearer": r.bearer, "header": r.setHeader, "request": r.request,
		"status": r.status, "admitted": r.isAdmitted, "refused": r.isRefused, "every": r.every,
		"json": r.json, "absent-or-null": r.absentOrNull, "same-as": r.sameAs, "cors-blocked": r.corsBlocked,
		"take": r.take, "take-header": r.takeHeader, "let": r.let, "find": r.find,
		"set": r.set, "set-equal": r.setEqual, "set-within": r.setWithin, "set-disjoint": r.setDisjoint, "set-empty": r.setEmpty,
		"members": r.members, "set-minus": r.setMinus, "pick": r.pick,
		"sign-in": r.signIn, "token": r.token, "jwt": r.jwt, "sleep": r.sleep,
		"regrant": r.regrant, "do": r.do,
		"catalog": r.catalog, "observe": r.observe, "inconclusive": r.inconclusive,
	}
	for _, action := range []conformance.Action{conformance.Disable, conformance.Enable, conformance.Revoke, conformance.Delete, conformance.Rotate} {
		table[string(action)] = func(ts *testscript.TestScript, neg bool, args []string) {
			r.usage(ts, !neg && len(args) == 1, string(action)+" KEY")
			r.act(ts, args[0], action, conformance.KeySpec{})
		}
	}
	plain := maps.Clone(table)
	nested := func(ts *testscript.TestScript, args []string) func() {
		neg := len(args) > 0 && args[0] == "!"
		if neg {
			args = args[1:]
		}
		if len(args) == 0 || plain[args[0]] == nil {
			r.halt(ts, fmt.Errorf("expected an expectation such as status 200, found %q", strings.Join(args, " ")))
		}
		return func() { plain[args[0]](ts, neg, args[1:]) }
	}
	table["need"] = func(ts *testscript.TestScript, neg bool, args []string) {
		r.usage(ts, !neg && len(args) > 0, "need [!] EXPECTATION")
		r.needs = true
		nested(ts, args)()
		r.needs = false
	}
	table["tell"] = func(ts *testscript.TestScript, neg bool, args []string) {
		r.usage(ts, !neg && len(args) > 1, "tell NAME [!] EXPECTATION")
		look := nested(ts, args[1:])
		r.tells, r.met = true, true
		func() {
			defer func() {
				r.tells = false
				if p := recover(); p != nil {
					if _, ok := p.(notMet); !ok {
						panic(p)
					}
				}
			}()
			look()
		}()
		r.told[args[0]] = "no"
		if r.met {
			r.told[args[0]] = "yes"
		}
	}
	return table
}

// notMet ends an expectation that is only looked at.
type notMet struct{}

// usage ends the check undecided where a command is used wrongly.
func (r *run) usage(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		r.halt(ts, errors.New("usage: "+usage))
	}
}

// ownNames are environment variables of testscript's own.
var ownNames = []string{"WORK", "HOME", "TMPDIR", "PATH", "devnull", "exe"}

// variableName matches a variable. Before a second dollar sign the first one stands for itself.
var variableName = regexp.MustCompile(`\$\$|\$(\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*)(\.(id|secret|count))?`)

// variables returns the names of the variables that a script uses.
func variables(text []byte) []string {
	var out []string
	for _, m := range variableName.FindAllSubmatch(text, -1) {
		name := strings.Trim(string(m[1]), "{}")
		if name != "" && !slices.Contains(ownNames, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// expand puts the values of variables into a text. escape makes a value fit for its place.
func (r *run) expand(ts *testscript.TestScript, text string, escape func(string) string) string {
	return variableName.ReplaceAllStringFunc(text, func(match string) string {
		if match == "$$" {
			return "$"
		}
		m := variableName.FindStringSubmatch(match)
		name := strings.Trim(m[1], "{}")
		if m[3] != "" {
			switch key := r.keys[name]; {
			case key != nil && m[3] == "id" && key.ID() != "":
				return escape(key.ID())
			case key != nil && m[3] == "secret" && key.Secret() != "":
				return escape(key.Secret())
			case key != nil && m[3] != "count":
				r.halt(ts, fmt.Errorf("%s: nothing says what that is of the key", match))
			}
		}
		if name == "mark" {
			return escape(r.lab.Mark()) + m[2]
		}
		v, ok := r.vars[name]
		if !ok {
			v, ok = r.told[name]
		}
		if !ok {
			r.halt(ts, fmt.Errorf("there is no variable $%s: take, find or let makes one", name))
		}
		return escape(v) + m[2]
	})
}

func asIs(s string) string { return s }

// inJSON is a text between the quotes of JSON.
func inJSON(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		return "" // no string
	}
	return string(data[1 : len(data)-1])
}

func (r *run) sender(ts *testscript.TestScript, name string) conformance.Sender {
	if k := r.keys[name]; k != nil {
		return k.By()
	}
	names := slices.Sorted(maps.Keys(r.keys))
	for i, k := range r.lab.Plan.Keys {
		if k.Name == name && k.Kind != conformance.ParkedKey {
			return r.lab.As(i)
		}
		if len(names) < 20 {
			names = append(names, k.Name)
		}
	}
	r.halt(ts, fmt.Errorf("no key %q: expected one of %s", name, strings.Join(names, ", ")))
	return conformance.Sender{}
}

func (r *run) as(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) == 1, "as KEY")
	r.sender(ts, args[0])
	r.narrowed = slices.ContainsFunc(r.lab.Plan.Keys, func(k conformance.Key) bool { return k.Name == args[0] && k.Narrowed() })
	if k := r.keys[args[0]]; k != nil {
		r.narrowed = len(k.Spec.Sharing)+len(k.Spec.Lists) > 0
	}
	r.by = func() conformance.Sender { return r.sender(ts, args[0]) }
}

// spec reads a grant and what limits it besides.
func (r *run) spec(ts *testscript.TestScript, name string, words []string) conformance.KeySpec {
	spec, err := conformance.ParseKeySpec(words, r.lab.Catalog)
	if err != nil {
		r.halt(ts, err)
	}
	spec.Name = name
	return spec
}

func (r *run) key(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) > 1, "key NAME GRANT [sharing OBJECT=OPTION] [list LIST=A,B] [expires DURATION]")
	spec := r.spec(ts, args[0], args[1:])
	if slices.ContainsFunc(r.lab.Plan.Keys, func(k conformance.Key) bool { return k.Kind != conformance.ValidKey && k.Name == args[0] }) {
		r.halt(ts, fmt.Errorf("the name %s is taken: every script has a sender of that name", args[0]))
	}
	actions := conformance.KeyActions(r.commands, args[0])
	own := len(actions) > 0 || !spec.Expires.IsZero()
	k, err := r.lab.Key(r.ctx, spec, own, actions...)
	if err != nil {
		r.halt(ts, err)
	}
	r.keys[args[0]] = k
	r.rec.KeyHolds(k.Variable(), strings.Join(args[1:], " "))
}

func (r *run) live(ts *testscript.TestScript, name string) *conformance.LiveKey {
	k := r.keys[name]
	if k == nil {
		r.halt(ts, fmt.Errorf("no key %q was made by this script: begin with key %s GRANT", name, name))
	}
	return k
}

func (r *run) act(ts *testscript.TestScript, name string, action conformance.Action, spec conformance.KeySpec) {
	if err := r.live(ts, name).Act(r.ctx, action, spec); err != nil {
		r.halt(ts, err)
	}
	r.acted = time.Now()
}

func (r *run) regrant(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, len(args) > 1, "[!] regrant KEY GRANT")
	spec := r.spec(ts, args[0], args[1:])
	if !neg {
		r.act(ts, args[0], conformance.Regrant, spec)
		return
	}
	switch err := r.live(ts, args[0]).Act(r.ctx, conformance.Regrant, spec); {
	case err == nil:
		r.fail(ts, "the grant of key %s is changed, expected that it cannot be", args[0])
	case !errors.Is(err, conformance.ErrNotEditable) && !conflicts(err):
		r.halt(ts, err)
	}
}

// conflicts reports whether a provisioner was answered 409.
func conflicts(err error) bool {
	var refused *conformance.SignInRefused
	return errors.As(err, &refused) && refused.Status == http.StatusConflict
}

func (r *run) do(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) == 2, "do KEY ACTION")
	r.act(ts, args[0], conformance.Action(args[1]), conformance.KeySpec{})
}

func (r *run) signIn(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, len(args) == 1 || len(args) == 2, "[!] sign-in KEY [PATH]")
	err := r.live(ts, args[0]).SignIn(r.ctx, strings.Join(args[1:], ""))
	var refused *conformance.SignInRefused
	switch {
	case err == nil && neg:
		r.fail(ts, "key %s still signs in", args[0])
	case err != nil && !errors.As(err, &refused) || err != nil && (refused.Status >= 500 || refused.Status == http.StatusTooManyRequests):
		r.halt(ts, fmt.Errorf("signing in key %s: %w", args[0], err))
	case err != nil && !neg:
		r.fail(ts, "signing in key %s is %v", args[0], err)
	}
}

func (r *run) token(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && (len(args) == 2 || len(args) == 3), "token NAME KEY [PATH]")
	r.put(args[0], r.live(ts, args[1]).Shown(strings.Join(args[2:], "")))
	r.lab.Hide(args[0], r.vars[args[0]])
}

func (r *run) bearer(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) == 1, "bearer TEXT")
	text := r.expand(ts, args[0], asIs)
	name := "a token"
	if v, ok := strings.CutPrefix(args[0], "$"); ok {
		name = "token " + v
	}
	r.lab.Hide("PC_TOKEN", text)
	r.narrowed = false
	cred := conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: text, Env: "PC_TOKEN"}
	r.by = func() conformance.Sender { return conformance.Sender{Name: name, Credential: cred} }
}

func (r *run) setHeader(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) > 1, "header NAME VALUE")
	text := strings.Join(args[1:], " ")
	value := r.expand(ts, text, asIs)
	if strings.ContainsAny(args[0]+value, "\r\n") {
		r.halt(ts, errors.New("header: a line break"))
	}
	r.header.Add(args[0], value)
	r.shown = append(r.shown, http.CanonicalHeaderKey(args[0])+": "+text)
}

func (r *run) sleep(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) == 1, "sleep DURATION")
	d, err := time.ParseDuration(args[0])
	if err != nil || d < 0 || d > 2*time.Minute {
		r.halt(ts, fmt.Errorf("sleep %s: expected a duration up to 2m", args[0]))
	}
	r.pause(ts, d)
}

// pause waits, and ends the check where the run ends before.
func (r *run) pause(ts *testscript.TestScript, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.ctx.Done():
		r.halt(ts, r.ctx.Err())
	}
}

func (r *run) request(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && (len(args) == 2 || len(args) == 3) && strings.HasPrefix(args[len(args[:2])-1], "/"), "request METHOD /PATH [BODY-FILE]")
	method := args[0]
	path, query, _ := strings.Cut(args[1], "?")
	row := r.lab.Plan.RowOf(method, path)
	concrete := r.expand(ts, path, url.PathEscape)
	if strings.Contains(path, "{") {
		concrete = r.filled(ts, method, path, concrete)
	}
	c := &conformance.Call{Label: fmt.Sprintf("request %d", r.sent+1), Method: method, Path: concrete, Query: r.expand(ts, query, url.QueryEscape), By: r.by(), Any: true}
	if strings.Contains(args[1], "$") {
		c.Shown = args[1]
	}
	c.Header, c.ShownHeader = r.header, r.shown
	r.header, r.shown = http.Header{}, nil
	if len(args) == 3 {
		escape := inJSON
		switch kind := c.Header.Get("Content-Type"); {
		case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
			escape = url.QueryEscape
		case kind != "" && !strings.Contains(kind, "json"):
			escape = asIs
		}
		c.Body = []byte(strings.TrimSpace(r.expand(ts, ts.ReadFile(args[2]), escape)))
	}
	r.call, r.row, r.asks, r.previous = c, row, method+" "+concrete+"?"+c.Query, r.answer
	if row >= 0 && !r.reads() {
		r.asks = method + " " + args[1] // each write has an object of its own
	}
	writes := !r.reads() && !r.harmless
	if writes {
		if err := r.lab.MayWrite(r.ctx, row, r.mine(path)); err != nil {
			r.halt(ts, err)
		}
	}
	r.answer = r.send(ts, c)
	if writes && row >= 0 {
		id, err := r.lab.Made(row, concrete, r.answer)
		if err != nil {
			r.halt(ts, err)
		}
		r.made = append(r.made, id)
	}
	r.known()
}

// filled is a path whose parameters have got their values: those of variables, then those that
// all checks use.
func (r *run) filled(ts *testscript.TestScript, method, template, expanded string) string {
	path := expanded
	for name, v := range r.vars {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(v))
	}
	if !strings.Contains(path, "{") {
		return path
	}
	row := slices.IndexFunc(r.lab.Plan.Rows, func(row conformance.Row) bool {
		return row.Endpoint != nil && row.Path == template && row.Method == method
	})
	if row < 0 {
		row = slices.IndexFunc(r.lab.Plan.Rows, func(row conformance.Row) bool {
			return row.Endpoint != nil && row.Path == template && row.Method == http.MethodGet
		})
	}
	if row < 0 {
		r.halt(ts, fmt.Errorf("%s: the catalog has no such path, so nothing says what its parameters stand for", template))
	}
	path, err := r.lab.Fill(r.ctx, row, r.vars)
	if err != nil {
		r.halt(ts, err)
	}
	return path
}

// mine reports whether the objects that a path names are the script's own, or were found for it
// as ones that may be changed.
func (r *run) mine(path string) bool {
	filled := strings.Contains(path, "{")
	for _, m := range variableName.FindAllStringSubmatch(path, -1) {
		if name := strings.Trim(m[1], "{}"); name != "mark" && !slices.Contains(r.made, r.vars[name]) {
			return false
		}
		filled = true
	}
	for name, v := range r.vars {
		if strings.Contains(path, "{"+name+"}") && !slices.Contains(r.made, v) {
			return false
		}
	}
	return filled
}

// known remembers that a request was answered 2xx, if it can with rows.
func (r *run) known() {
	if had := r.admitted[r.asks]; r.answer.OK() && (had == nil || had.Rows() == conformance.EmptyList) {
		r.admitted[r.asks] = r.answer
	}
}

// reads reports whether the last request changes nothing.
func (r *run) reads() bool {
	if r.row >= 0 {
		return r.lab.Plan.Rows[r.row].Reads
	}
	return r.call.Method == http.MethodGet || r.call.Method == http.MethodHead
}

// control returns what a key that the catalog admits is answered to the last request; nil: there
// is no such answer. A request that only reads is sent for it.
func (r *run) control(ts *testscript.TestScript) *conformance.Answer {
	a := r.admitted[r.asks]
	if a == r.answer {
		a = nil // an answer shows nothing about itself
	}
	if a != nil && a.Rows() != conformance.EmptyList || r.row < 0 || !r.reads() {
		return a
	}
	key := r.lab.Plan.StrongestKey(r.lab.Plan.Rows[r.row].Endpoint)
	if key < 0 {
		return nil
	}
	c := *r.call
	c.By, c.Label = r.lab.As(key), fmt.Sprintf("request %d as %s", r.sent, r.lab.Plan.Keys[key].Name)
	a = r.send(ts, &c)
	if a.OK() {
		r.admitted[r.asks] = a
	}
	return a
}

func (r *run) isAdmitted(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, len(args) == 0, "[!] admitted")
	r.expectAccess(ts, !neg)
}

func (r *run) isRefused(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, len(args) == 0, "[!] refused")
	r.expectAccess(ts, neg)
}

// expectAccess is met when the last request was admitted, or refused, as the matrix judges that.
func (r *run) expectAccess(ts *testscript.TestScript, admitted bool) {
	r.answered(ts)
	end := r.acted.Add(r.lab.Within())
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		is, why := r.access(ts)
		switch {
		case is == conformance.Admitted && admitted || is == conformance.Refused && !admitted:
			return
		case time.Now().Before(end) && r.reads() && r.acted.After(r.began):
			// A key was changed a moment ago: it may not be in force yet.
			r.pause(ts, min(wait, time.Until(end)))
			c := *r.call
			c.Label, c.By, c.Fresh = fmt.Sprintf("request %d again", r.sent), r.by(), true
			r.answer = r.send(ts, &c)
			r.answered(ts)
			continue
		case is == conformance.Unclear:
			r.halt(ts, errors.New(why))
		case admitted && r.answer.OK() && (r.narrowed || r.row >= 0 && r.lab.Plan.Rows[r.row].Limits):
			r.halt(ts, fmt.Errorf("%s is answered an empty list, as keys without the grant may be; its records may be limited", r.line()))
		case admitted && r.answer.OK():
			r.fail(ts, "%s is answered an empty list where another key sees rows, expected that it is admitted", r.line())
		case admitted:
			r.fail(ts, "answered %d to %s, expected that it is admitted", r.answer.Status, r.line())
		default:
			r.fail(ts, "answered %d to %s, expected a refusal", r.answer.Status, r.line())
		}
	}
}

// access judges the last answer.
func (r *run) access(ts *testscript.TestScript) (conformance.Access, string) {
	var control *conformance.Answer
	if a := r.answer; !a.OK() || r.reads() && (a.Rows() == conformance.EmptyList || a.HTML) {
		control = r.control(ts)
	}
	if control != nil && control != r.answer && !control.OK() && !r.answer.OK() && r.reads() {
		return conformance.Unclear, fmt.Sprintf("%s is answered %d, and a key that the catalog admits %d: a refusal proves nothing", r.line(), r.answer.Status, control.Status)
	}
	return r.lab.Access(r.row, r.answer, control)
}

func (r *run) every(ts *testscript.TestScript, neg bool, args []string) {
	const usage = "every reads|writes|rows admitted|refused [asking PATTERN]"
	r.usage(ts, !neg && (len(args) == 2 || len(args) > 3 && args[2] == "asking"), usage)
	which, want, pattern := args[0], args[1], strings.Join(args[min(3, len(args)):], " ")
	r.usage(ts, slices.Contains([]string{"reads", "writes", "rows"}, which) && (want == "admitted" || want == "refused"), usage)
	var wrong, wrongLabels, unclear []string
	n := 0
	for i := range r.lab.Plan.Rows {
		row := &r.lab.Plan.Rows[i]
		if row.Endpoint == nil || which == "reads" && !row.Reads || which == "writes" && row.Reads || want == "refused" && row.Need.IsPublic() {
			continue
		}
		if pattern != "" && !matches(pattern, row.Endpoint.Requires.String()) {
			continue
		}
		n++
		path, err := r.lab.Fill(r.ctx, i, r.vars)
		if err != nil {
			unclear = append(unclear, fmt.Sprintf("%s: %v", row, err))
			continue
		}
		if !row.Reads {
			if err := r.lab.MayWrite(r.ctx, i, true); err != nil {
				r.halt(ts, err)
			}
		}
		c := &conformance.Call{Label: fmt.Sprintf("row %d as %s, expected that it is %s", n, r.by().Name, want), Method: row.Method, Path: path, By: r.by(), Any: true, Body: r.lab.Body(i)}
		r.call, r.row, r.asks = c, i, row.String()
		r.answer = r.send(ts, c)
		if !row.Reads {
			if _, err := r.lab.Made(i, path, r.answer); err != nil {
				r.halt(ts, err)
			}
		}
		r.known()
		is, why := r.access(ts)
		switch {
		case is == conformance.Unclear:
			unclear = append(unclear, fmt.Sprintf("%s: %s", row, why))
		case (is == conformance.Admitted) != (want == "admitted"):
			wrong = append(wrong, fmt.Sprintf("%d to %s", r.answer.Status, row))
			wrongLabels = append(wrongLabels, c.Label)
		}
	}
	switch {
	case len(wrong) > 0:
		for i := range r.rec.Exchanges {
			x := &r.rec.Exchanges[i]
			x.Against = slices.Contains(wrongLabels, x.Label)
		}
		r.marked = true
		r.fail(ts, "%s is answered %s, expected that %s %s", r.by().Name, some(wrong), "every one of them is", want)
	case n == 0:
		r.halt(ts, errors.New("the catalog has no such row"))
	case len(unclear) > 0:
		r.halt(ts, fmt.Errorf("%d of %d rows are unclear: %s", len(unclear), n, some(unclear)))
	}
}

// some lists the first few of many.
func some(list []string) string {
	const most = 3
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

// matches reports whether a text is a pattern's, in which * stands for any characters.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile(`\A` + strings.Join(parts, `.*`) + `\z`).MatchString(text)
}

// put sets a variable.
func (r *run) put(name, value string) { r.vars[name] = value }

func (r *run) let(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) > 1, "let NAME TEXT")
	r.put(args[0], r.expand(ts, strings.Join(args[1:], " "), asIs))
}

func (r *run) take(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) == 2, "take NAME PATH")
	found := lookUp(r.answered(ts).JSON(), r.steps(ts, args[1]))
	if len(found) == 0 || found[0] == nil {
		r.halt(ts, fmt.Errorf("the answer to %s has no %s", r.line(), args[1]))
	}
	r.put(args[0], text(found[0]))
	if secretName.MatchString(args[1]) {
		r.lab.Hide(args[0], r.vars[args[0]])
	}
}

// secretName is that of a member whose value is a secret.
var secretName = regexp.MustCompile(`(?i)(token|secret|password|jwt|key)[^.]*$`)

func (r *run) takeHeader(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) == 2, "take-header NAME HEADER")
	v := r.answered(ts).Header.Get(args[1])
	if v == "" {
		r.halt(ts, fmt.Errorf("the answer to %s has no header %s", r.line(), args[1]))
	}
	if strings.EqualFold(args[1], "Authorization") {
		v = strings.TrimPrefix(v, "Bearer ")
		r.lab.Hide(args[0], v)
	}
	r.put(args[0], v)
}

// steps takes a path in an answer apart; "." is the whole answer.
func (r *run) steps(ts *testscript.TestScript, path string) []string {
	if path == "." {
		return nil
	}
	return strings.Split(r.expand(ts, path, asIs), ".")
}

// text is the text of a JSON value.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "" // nothing that JSON was decoded into
	}
	return string(data)
}

// objects returns those of a list in the last answer which meet conditions such as open=true,
// status!="a b" or has=note.
func (r *run) objects(ts *testscript.TestScript, list string, conditions []string) []any {
	var items []any
	found := lookUp(r.answered(ts).JSON(), r.steps(ts, list))
	for _, v := range found {
		if l, ok := v.([]any); ok {
			items = append(items, l...)
		} else {
			items = append(items, v)
		}
	}
	if len(found) == 0 {
		r.halt(ts, fmt.Errorf("the answer to %s has no list at %s", r.line(), list))
	}
	var out []any
	for _, item := range items {
		if !slices.ContainsFunc(conditions, func(c string) bool { return !r.meets(ts, item, c) }) {
			out = append(out, item)
		}
	}
	return out
}

func (r *run) meets(ts *testscript.TestScript, item any, condition string) bool {
	field, want, ok := strings.Cut(condition, "=")
	if !ok {
		r.halt(ts, fmt.Errorf("%q is no condition: expected FIELD=VALUE or FIELD!=VALUE", condition))
	}
	field, not := strings.CutSuffix(field, "!")
	want = r.expand(ts, want, asIs)
	is := slices.ContainsFunc(lookUp(item, strings.Split(field, ".")), func(v any) bool { return equals(v, want) })
	return is != not
}

func (r *run) find(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) > 2, "find NAME LIST FIELD [FIELD=VALUE]...")
	for _, item := range r.objects(ts, args[1], args[3:]) {
		if v := lookUp(item, strings.Split(args[2], ".")); len(v) > 0 && v[0] != nil {
			r.put(args[0], text(v[0]))
			return
		}
	}
	r.halt(ts, fmt.Errorf("the answer to %s has nothing in %s with %s%s", r.line(), args[1], args[2], optional(" where ", strings.Join(args[3:], " "))))
}

func optional(label, text string) string {
	if text == "" {
		return ""
	}
	return label + text
}

func (r *run) set(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) > 2, "set NAME LIST FIELD [FIELD=VALUE]..., or set NAME = VALUE...")
	values := []string{}
	if args[1] == "=" {
		for _, a := range args[2:] {
			values = append(values, r.expand(ts, a, asIs))
		}
	} else {
		for _, item := range r.objects(ts, args[1], args[3:]) {
			for _, v := range lookUp(item, strings.Split(args[2], ".")) {
				values = append(values, text(v))
			}
		}
	}
	r.putSet(args[0], values)
}

// members makes a set of the names of an object's members.
func (r *run) members(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) == 2, "members NAME PATH")
	names, found := []string{}, false
	for _, v := range lookUp(r.answered(ts).JSON(), r.steps(ts, args[1])) {
		if m, ok := v.(map[string]any); ok {
			names, found = slices.AppendSeq(names, maps.Keys(m)), true
		}
	}
	if !found {
		r.halt(ts, fmt.Errorf("the answer to %s has no object at %s", r.line(), args[1]))
	}
	r.putSet(args[0], names)
}

func (r *run) setMinus(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) == 3, "set-minus NAME SET SET")
	b := r.one(ts, args[2])
	r.putSet(args[0], slices.DeleteFunc(slices.Clone(r.one(ts, args[1])), func(v string) bool { return slices.Contains(b, v) }))
}

func (r *run) pick(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) == 2, "pick NAME SET")
	set := r.one(ts, args[1])
	if len(set) == 0 {
		r.halt(ts, fmt.Errorf("%s is empty", args[1]))
	}
	r.put(args[0], set[0])
}

func (r *run) putSet(name string, values []string) {
	slices.Sort(values)
	r.sets[name] = slices.Compact(values)
}

// holds reports whether a condition of a line is so: [same:A,B] where two variables have one
// value.
func (r *run) holds(condition string) (bool, error) {
	names, ok := strings.CutPrefix(condition, "same:")
	a, b, two := strings.Cut(names, ",")
	v, hasA := r.vars[a]
	w, hasB := r.vars[b]
	if !ok || !two || !hasA || !hasB {
		return false, fmt.Errorf("[%s]: expected [same:A,B] with two variables", condition)
	}
	return v == w, nil
}

// two returns two sets by name.
func (r *run) two(ts *testscript.TestScript, usage string, args []string) (a, b []string) {
	r.usage(ts, len(args) == 2, "[!] "+usage+" SET SET")
	return r.one(ts, args[0]), r.one(ts, args[1])
}

func (r *run) one(ts *testscript.TestScript, name string) []string {
	s, ok := r.sets[name]
	if !ok {
		r.halt(ts, fmt.Errorf("there is no set %s: set %s LIST FIELD makes one", name, name))
	}
	return s
}

// compared is met where a comparison of sets is as expected.
func (r *run) compared(ts *testscript.TestScript, is, neg bool, format string, args ...any) {
	if is == neg {
		not := ""
		if neg {
			not = "not "
		}
		r.fail(ts, "expected %sthat "+format, append([]any{not}, args...)...)
	}
}

func without(a, b []string) int {
	return len(slices.DeleteFunc(slices.Clone(a), func(v string) bool { return slices.Contains(b, v) }))
}

func (r *run) setEqual(ts *testscript.TestScript, neg bool, args []string) {
	a, b := r.two(ts, "set-equal", args)
	r.compared(ts, slices.Equal(a, b), neg, "%s and %s have the same values: %d and %d, of which %d and %d are in one only", args[0], args[1], len(a), len(b), without(a, b), without(b, a))
}

func (r *run) setWithin(ts *testscript.TestScript, neg bool, args []string) {
	a, b := r.two(ts, "set-within", args)
	r.compared(ts, without(a, b) == 0, neg, "%s is within %s: %d of its %d values are not", args[0], args[1], without(a, b), len(a))
}

func (r *run) setDisjoint(ts *testscript.TestScript, neg bool, args []string) {
	a, b := r.two(ts, "set-disjoint", args)
	r.compared(ts, without(a, b) == len(a), neg, "%s and %s share nothing: they share %d values", args[0], args[1], len(a)-without(a, b))
}

func (r *run) setEmpty(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, len(args) == 1, "[!] set-empty SET")
	a := r.one(ts, args[0])
	r.compared(ts, len(a) == 0, neg, "%s is empty: it has %d values", args[0], len(a))
}

func (r *run) absentOrNull(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, len(args) == 1, "[!] absent-or-null PATH")
	found := lookUp(r.answered(ts).JSON(), r.steps(ts, args[0]))
	has := slices.ContainsFunc(found, func(v any) bool { return v != nil })
	if has && !neg {
		r.fail(ts, "the answer to %s has a value at %s, expected none", r.line(), args[0])
	}
	if !has && neg {
		r.fail(ts, "the answer to %s has no value at %s", r.line(), args[0])
	}
}

func (r *run) observe(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) > 0, "observe TEXT")
	if r.answer != nil {
		r.told["status"] = fmt.Sprint(r.answer.Status)
	}
	r.rec.Observed(variableName.ReplaceAllStringFunc(strings.Join(args, " "), func(match string) string {
		m := variableName.FindStringSubmatch(match)
		name := strings.Trim(m[1], "{}")
		if set, ok := r.sets[name]; ok && m[3] == "count" {
			return fmt.Sprint(len(set))
		}
		if v, ok := r.told[name]; ok {
			return v + m[2]
		}
		return match // a value of the server's is not told
	}))
}

func (r *run) inconclusive(ts *testscript.TestScript, neg bool, args []string) {
	r.usage(ts, !neg && len(args) > 0, "inconclusive REASON")
	r.halt(ts, errors.New(strings.Join(args, " ")))
}

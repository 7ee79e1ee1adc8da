package script

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/suites"
)

// maxScript bounds one file, in bytes.
const maxScript = 1 << 20

// A Dir is a folder of hand-written checks. It performs them for a run.
type Dir struct {
	Scripts []conformance.Script // in the order of their names
	files   map[string]string    // name -> path
}

// Open reads a folder. An error means that there is no check in it, or one that cannot be
// read.
func Open(dir string) (*Dir, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("the folder of checks: %w", err)
	}
	d := &Dir{files: map[string]string{}}
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if e.IsDir() || ext != ".txtar" && ext != ".txt" {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		if info.Size() > maxScript {
			return nil, fmt.Errorf("%s has %d bytes: a check may have %d", path, info.Size(), maxScript)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(e.Name(), ext)
		if other := d.files[name]; other != "" {
			return nil, fmt.Errorf("%s and %s have one name: rename one of them", other, path)
		}
		sum := sha256.Sum256(data)
		d.files[name] = path
		d.Scripts = append(d.Scripts, conformance.Script{Name: name, Hash: hex.EncodeToString(sum[:8]), Writes: writes(data), Pos: catalogs.Pos{File: path, Line: 1, Column: 1}})
	}
	if len(d.Scripts) == 0 {
		return nil, fmt.Errorf("%s has no check: expected files that end in .txtar or .txt", dir)
	}
	return d, nil
}

// writes reports whether a script sends anything else than reads, changes keys, or runs
// programs, which may.
func writes(data []byte) bool {
	return slices.ContainsFunc(suites.Commands(data), func(c suites.Command) bool {
		switch c.Name {
		case "exec", "regrant", "disable", "enable", "revoke", "delete", "rotate", "do":
			return true
		case "request":
			return len(c.Args) > 0 && c.Args[0] != http.MethodGet && c.Args[0] != http.MethodHead
		case "every":
			return len(c.Args) > 0 && c.Args[0] != "reads"
		}
		return false
	})
}

// Perform performs one check.
func (d *Dir) Perform(ctx context.Context, l *conformance.Lab, name string, rec *conformance.Record) error {
	path, isFile := d.files[name]
	var text []byte
	var commands []suites.Command
	harmless := false
	if s := suites.Find(name); !isFile && s != nil {
		dir, err := os.MkdirTemp("", "permcheck-statement-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		path, text, commands, harmless = filepath.Join(dir, filepath.Base(s.File)), s.Text, s.Commands, s.HarmlessWrites
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
	} else if !isFile {
		return fmt.Errorf("there is no check %q", name)
	} else {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return err
		}
		commands = suites.Commands(text)
	}
	r := &run{ctx: ctx, lab: l, rec: rec, by: l.Nobody, told: map[string]string{}, header: http.Header{}, admitted: map[string]*conformance.Answer{}, began: time.Now(), harmless: harmless, commands: commands, keys: map[string]*conformance.LiveKey{}, vars: map[string]string{}, sets: map[string][]string{}}
	t := &verdict{}
	t.Run(name, func(testscript.T) {
		testscript.RunT(t, testscript.Params{
			Files: []string{path},
			Setup: func(env *testscript.Env) error {
				for _, name := range variables(text) {
					env.Setenv(name, "$"+name) // the commands put the values in, so that no log has them
				}
				return nil
			},
			Cmds:      r.commandTable(),
			Condition: r.holds,
		})
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case r.stopped != nil:
		return r.stopped
	case r.failed != "":
		rec.Failed(t.place(path), r.failed)
	case t.failed:
		// A command of testscript's own, or one that is used wrongly.
		return fmt.Errorf("the script does not run: %s", t.last())
	case t.skipped:
		return errors.New("the script skipped itself")
	case r.sent == 0 && !r.asked:
		return errors.New("the script sends nothing")
	}
	return nil
}

// verdict is a testscript.T outside of go test.
type verdict struct {
	failed, skipped bool
	log             bytes.Buffer
}

// stop ends a script.
type stop struct{}

func (v *verdict) Skip(...any) { v.skipped = true; panic(stop{}) }
func (v *verdict) Fatal(args ...any) {
	v.Log(args...)
	v.FailNow()
}
func (v *verdict) Parallel()       {}
func (v *verdict) Log(args ...any) { fmt.Fprintln(&v.log, args...) }
func (v *verdict) FailNow()        { v.failed = true; panic(stop{}) }
func (v *verdict) Verbose() bool   { return false }

// Run runs one part and returns when it has ended, in whatever way.
func (v *verdict) Run(_ string, f func(testscript.T)) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stop); !ok {
				panic(r)
			}
		}
	}()
	f(v)
}

// last is the last line of the log that says something.
func (v *verdict) last() string {
	lines := strings.Split(strings.TrimSpace(v.log.String()), "\n")
	return strings.TrimPrefix(strings.TrimSpace(lines[len(lines)-1]), "FAIL: ")
}

// place is the file and line of the script where it failed, as the log says.
func (v *verdict) place(path string) string {
	_, at, _ := strings.Cut(v.log.String(), "FAIL: "+path+":")
	line, _, _ := strings.Cut(at, ":")
	if _, err := strconv.Atoi(line); err != nil {
		return filepath.Base(path)
	}
	return filepath.Base(path) + ":" + line
}

// A run is one check being performed.
type run struct {
	ctx      context.Context
	lab      *conformance.Lab
	rec      *conformance.Record
	by       func() conformance.Sender
	narrowed bool // whoever that is sees less than its grant says
	sent     int

	call             *conformance.Call
	answer, previous *conformance.Answer
	row              int    // that the last request is about; -1: none
	asks             string // what it asks, whoever sends it

	failed  string // the expectation that was not met
	marked  bool   // the record says which exchanges went against it
	stopped error  // why it cannot be decided
	needs   bool   // an expectation that is not met leaves it undecided
	tells   bool   // an expectation is only looked at
	met     bool   // whether it was met, then

	asked    bool     // the catalog was asked
	harmless bool     // its requests change nothing, whatever their methods
	made     []string // ids of what it made
	commands []suites.Command
	keys     map[string]*conformance.LiveKey // that the script named
	vars     map[string]string               // values of variables
	sets     map[string][]string
	told     map[string]string // what observations may say
	header   http.Header       // of the next request
	shown    []string          // how records show it
	began    time.Time
	acted    time.Time                      // when a key was changed last
	admitted map[string]*conformance.Answer // request line -> what an admitted key was answered
}

// fail ends the check: the API does not do what the script says.
func (r *run) fail(ts *testscript.TestScript, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	switch {
	case r.tells:
		r.met = false
		panic(notMet{})
	case r.needs:
		r.halt(ts, errors.New(what))
	}
	if r.failed = what; !r.marked {
		r.rec.Against()
	}
	ts.Fatalf("%s", r.failed)
}

// halt ends the check undecided.
func (r *run) halt(ts *testscript.TestScript, err error) {
	r.stopped = err
	ts.Fatalf("%v", err)
}

// send sends a request; one without an answer ends the check.
func (r *run) send(ts *testscript.TestScript, c *conformance.Call) *conformance.Answer {
	r.sent++
	a := r.lab.Send(r.ctx, r.rec, *c)
	if a.Status == 0 {
		r.halt(ts, fmt.Errorf("%s %s got no answer", c.Method, cmp.Or(c.Shown, c.Path)))
	}
	return a
}

// answered returns the last answer, of a server that is neither busy nor broken.
func (r *run) answered(ts *testscript.TestScript) *conformance.Answer {
	if r.answer == nil {
		r.halt(ts, errors.New("there is no answer yet: begin with request METHOD /PATH"))
	}
	if s := r.answer.Status; s == http.StatusTooManyRequests || s >= 500 {
		r.halt(ts, fmt.Errorf("answered %d, which says nothing about permission", s))
	}
	return r.answer
}

func (r *run) status(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		r.halt(ts, errors.New("usage: [!] status CODE... (such as 403, or 2xx)"))
	}
	if r.answer == nil {
		r.answered(ts)
	}
	is := false
	for _, want := range args {
		class := len(want) == 3 && strings.HasSuffix(want, "xx") && want[0] >= '1' && want[0] <= '5'
		code, err := strconv.Atoi(want)
		if !class && (err != nil || code < 100 || code > 599) {
			r.halt(ts, fmt.Errorf("%q is no status: expected one such as 403, or 2xx", want))
		}
		is = is || class && r.answer.Status/100 == int(want[0]-'0') || code == r.answer.Status
	}
	if is == neg {
		r.answered(ts) // 429 and 5xx decide nothing, unless they are what was expected
		not := ""
		if neg {
			not = "anything but "
		}
		r.fail(ts, "answered %d to %s, expected %s%s", r.answer.Status, r.line(), not, strings.Join(args, " or "))
	}
}

// line says what was sent, in the script's words.
func (r *run) line() string {
	return fmt.Sprintf("%s %s as %s", r.call.Method, cmp.Or(r.call.Shown, r.call.Path), r.call.By.Name)
}

func (r *run) json(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		r.halt(ts, errors.New("usage: [!] json PATH [VALUE]"))
	}
	a := r.answered(ts)
	doc := a.JSON()
	if doc == nil && !neg {
		r.fail(ts, "the answer to %s is no JSON, expected %s in it", r.line(), args[0])
	}
	found := lookUp(doc, r.steps(ts, args[0]))
	switch {
	case len(args) == 1 && neg && len(found) > 0:
		r.fail(ts, "the answer to %s has %s, expected none", r.line(), args[0])
	case len(args) == 1 && !neg && len(found) == 0:
		r.fail(ts, "the answer to %s has no %s", r.line(), args[0])
	case len(args) == 2:
		want := r.expand(ts, args[1], asIs)
		equal := slices.ContainsFunc(found, func(v any) bool { return equals(v, want) })
		if equal && neg {
			r.fail(ts, "%s in the answer to %s is %s, expected anything else", args[0], r.line(), args[1])
		}
		if !equal && !neg {
			r.fail(ts, "%s in the answer to %s is not %s", args[0], r.line(), args[1])
		}
	}
}

// lookUp returns the values at a path; * is every place of a list.
func lookUp(v any, path []string) []any {
	if len(path) == 0 {
		return []any{v}
	}
	switch v := v.(type) {
	case map[string]any:
		if member, ok := v[path[0]]; ok {
			return lookUp(member, path[1:])
		}
	case []any:
		if path[0] == "*" {
			var out []any
			for _, item := range v {
				out = append(out, lookUp(item, path[1:])...)
			}
			return out
		}
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(v) {
			return lookUp(v[i], path[1:])
		}
	}
	return nil
}

// equals compares a value of an answer with one of a script: JSON, or else a text.
func equals(v any, text string) bool {
	var want any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&want) == nil && !dec.More() && reflect.DeepEqual(v, want) {
		return true
	}
	return v == text
}

func (r *run) sameAs(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		r.halt(ts, errors.New("usage: [!] same-as KEY, or same-as previous"))
	}
	mine, other := r.answered(ts), r.previous
	if args[0] == "previous" {
		if other == nil {
			r.halt(ts, errors.New("same-as previous: there is only one request yet"))
		}
	} else {
		again := *r.call
		again.By, again.Label = r.sender(ts, args[0]), fmt.Sprintf("request %d as %s", r.sent, args[0])
		other = r.send(ts, &again)
	}
	if other.Status == http.StatusTooManyRequests || other.Status >= 500 {
		r.halt(ts, fmt.Errorf("answered %d, which says nothing about permission", other.Status))
	}
	same := mine.Status == other.Status && (bytes.Equal(mine.Body, other.Body) || mine.JSON() != nil && reflect.DeepEqual(mine.JSON(), other.JSON()))
	switch {
	case same && neg:
		r.fail(ts, "%s is answered as %s is, expected another answer", r.line(), args[0])
	case !same && !neg && mine.Status != other.Status:
		r.fail(ts, "%s is answered %d, %s is answered %d", r.line(), mine.Status, args[0], other.Status)
	case !same && !neg:
		r.fail(ts, "%s is answered with another body than %s is", r.line(), args[0])
	}
}

func (r *run) corsBlocked(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) > 1 {
		r.halt(ts, errors.New("usage: [!] cors-blocked [ORIGIN]"))
	}
	r.answered(ts)
	origin := "https://permcheck.invalid"
	if len(args) == 1 {
		if u, err := url.Parse(args[0]); args[0] != "null" && (err != nil || u.Host == "" || u.Path != "") {
			r.halt(ts, fmt.Errorf("%q is no origin: expected one such as https://example.com", args[0]))
		}
		origin = args[0]
	}
	simple, preflight := *r.call, *r.call
	simple.Label, simple.Header = "from a page of another origin", http.Header{"Origin": {origin}}
	preflight.Label, preflight.Method, preflight.Body, preflight.By = "preflight of a page of another origin", http.MethodOptions, nil, r.lab.Nobody()
	preflight.Header = http.Header{"Origin": {origin}, "Access-Control-Request-Method": {r.call.Method}, "Access-Control-Request-Headers": {"authorization"}}
	opened := ""
	for _, c := range []*conformance.Call{&simple, &preflight} {
		if c.Method != http.MethodOptions && c.Method != http.MethodGet && c.Method != http.MethodHead {
			continue // sending a write again would happen again
		}
		for name := range r.send(ts, c).Header {
			if opened == "" && conformance.OpensCORS(name) {
				opened = fmt.Sprintf("%s: the answer has %s", c.Label, name)
			}
		}
	}
	switch {
	case opened != "" && !neg:
		r.fail(ts, "%s to %s", opened, r.line())
	case opened == "" && neg:
		r.fail(ts, "%s is blocked for pages of %s, expected that it is not", r.line(), origin)
	}
}

package suites

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed comeet eightfold personio
var files embed.FS

// A Suite is the statements about one vendor.
type Suite struct {
	Name       string       // as in "vendor:comeet"
	Statements []*Statement // by number
	// Profile is how a client of the vendor signs in and what its lists are like: a part of a
	// probe profile.
	Profile     []byte
	ProfileFile string // its name in messages
}

// A Statement is one sentence about a vendor's API, and the script that asks for it.
type Statement struct {
	ID       string // such as comeet/C7
	Suite    string
	Says     string
	Sources  []string
	Evidence string // documented, inferred, third-party or unknown
	// Faults make the vendor's reference server break the statement.
	Faults  []Fault
	Related []string // ids of the statements that break with it
	// HarmlessWrites says that requests of the script change nothing whatever their methods.
	HarmlessWrites bool

	File     string // name in messages
	Text     []byte
	Commands []Command
}

// A Fault is what is to be changed about a reference server: a fault to plant, or a switch to
// set.
type Fault struct {
	Plant  string // NAME or NAME@METHOD /path; empty: it is a switch
	Switch string // NAME=VALUE
}

// Observed reports whether the statement is told and never judged.
func (s *Statement) Observed() bool { return s.Evidence == "unknown" }

// Hash is of the text, so that another text is another question.
func (s *Statement) Hash() string {
	sum := sha256.Sum256(s.Text)
	return hex.EncodeToString(sum[:8])
}

// Script is the text after the header.
func (s *Statement) Script() string {
	rest := string(s.Text)
	for line := range strings.Lines(string(s.Text)) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		rest = strings.TrimPrefix(rest, line)
	}
	return strings.TrimSpace(rest) + "\n"
}

// A Command is one line of a script.
type Command struct {
	Line int
	Not  bool // it begins with an exclamation mark
	Name string
	Args []string
}

// All returns the suites, which are the same ones for every caller. It panics where an
// embedded file is wrong, which a test holds never to be.
var All = sync.OnceValue(func() []*Suite {
	list, err := read(files)
	if err != nil {
		panic(err)
	}
	return list
})

// Of returns the suite of a vendor; nil when there is none.
func Of(vendor string) *Suite {
	for _, s := range All() {
		if s.Name == vendor {
			return s
		}
	}
	return nil
}

// Find returns the statement with an id; nil when there is none.
func Find(id string) *Statement {
	vendor, _, ok := strings.Cut(id, "/")
	if !ok {
		return nil
	}
	if suite := Of(vendor); suite != nil {
		for _, s := range suite.Statements {
			if s.ID == id {
				return s
			}
		}
	}
	return nil
}

// read reads a folder of suites.
func read(files fs.FS) ([]*Suite, error) {
	dirs, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	var suites []*Suite
	var errs []error
	for _, dir := range dirs {
		s := &Suite{Name: dir.Name()}
		entries, err := fs.ReadDir(files, s.Name)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			name := path.Join(s.Name, e.Name())
			data, err := fs.ReadFile(files, name)
			if err != nil {
				return nil, err
			}
			if e.Name() == "profile.yaml" {
				s.Profile, s.ProfileFile = data, name
				continue
			}
			st, err := Parse(name, data)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			s.Statements = append(s.Statements, st)
		}
		slices.SortFunc(s.Statements, func(a, b *Statement) int { return number(a.ID) - number(b.ID) })
		suites = append(suites, s)
	}
	for _, s := range suites {
		for _, st := range s.Statements {
			for _, id := range st.Related {
				if !slices.ContainsFunc(s.Statements, func(o *Statement) bool { return o.ID == id && o != st }) {
					errs = append(errs, fmt.Errorf("%s:1: related: there is no other statement %s", st.File, id))
				}
			}
		}
	}
	return suites, errors.Join(errs...)
}

var statementName = regexp.MustCompile(`^([a-z0-9-]+)/([A-Z]([0-9]+))\.txtar$`)

// number is the number of a statement in its suite.
func number(id string) int {
	n, err := strconv.Atoi(strings.TrimLeft(path.Base(id), "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	if err != nil {
		return 0 // Parse lets no other name pass
	}
	return n
}

// evidences are how well a statement is known, as catalogs say it.
var evidences = []string{"documented", "inferred", "third-party", "unknown"}

// Parse reads one statement. name is its file below the folder of suites, such as
// comeet/C7.txtar. An error lists every mistake as FILE:LINE: what is wrong.
func Parse(name string, data []byte) (*Statement, error) {
	s := &Statement{File: name, Text: data}
	var errs []error
	fail := func(line int, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s:%d: %s", name, line, fmt.Sprintf(format, args...)))
	}
	if m := statementName.FindStringSubmatch(name); m != nil {
		s.Suite, s.ID = m[1], m[1]+"/"+m[2]
	} else {
		fail(1, "the file of a statement is VENDOR/ID.txtar, such as comeet/C7.txtar")
	}
	for _, h := range header(data) {
		switch h.name {
		case "says":
			if s.Says != "" {
				fail(h.line, "says stands twice: one file holds one statement")
			}
			s.Says = h.value
		case "source":
			if u, err := url.Parse(h.value); err != nil || u.Scheme != "https" || u.Host == "" {
				fail(h.line, "source: %q is no address: expected https://...", h.value)
			}
			s.Sources = append(s.Sources, h.value)
		case "evidence":
			if !slices.Contains(evidences, h.value) {
				fail(h.line, "evidence: expected one of %s, found %q", strings.Join(evidences, ", "), h.value)
			}
			s.Evidence = h.value
		case "fault":
			f := Fault{Plant: h.value}
			if set, ok := strings.CutPrefix(h.value, "switch "); ok {
				f = Fault{Switch: strings.TrimSpace(set)}
				if n, v, ok := strings.Cut(f.Switch, "="); !ok || n == "" || v == "" {
					fail(h.line, "fault: expected switch NAME=VALUE, found %q", h.value)
				}
			}
			s.Faults = append(s.Faults, f)
		case "related":
			for _, id := range strings.Split(h.value, ",") {
				s.Related = append(s.Related, strings.TrimSpace(id))
			}
		case "effect":
			if h.value != "read" {
				fail(h.line, "effect: expected read, found %q: leave the line out for a script that writes", h.value)
			}
			s.HarmlessWrites = true
		default:
			fail(h.line, "unknown member %q: expected says, source, evidence, fault, related or effect", h.name)
		}
		if h.value == "" {
			fail(h.line, "%s: is empty", h.name)
		}
	}
	for _, need := range []struct {
		name string
		ok   bool
	}{{"says", s.Says != ""}, {"source", len(s.Sources) > 0}, {"evidence", s.Evidence != ""}} {
		if !need.ok {
			fail(1, "the header has no %s: begin the file with a line \"# %s: ...\"", need.name, need.name)
		}
	}
	s.Commands = Commands(data)
	if len(s.Commands) == 0 {
		fail(1, "there is no command after the header")
	}
	for _, c := range s.Commands {
		if c.Name == "exec" || c.Name == "env" {
			fail(c.Line, "%s: a statement only sends requests", c.Name)
		}
	}
	if s.Observed() && len(s.Faults) > 0 {
		fail(1, "a statement whose evidence is unknown is observed and never fails: leave out fault")
	}
	return s, errors.Join(errs...)
}

type headerLine struct {
	line        int
	name, value string
}

var headerName = regexp.MustCompile(`^# ([a-z-]+):(.*)$`)

// header returns the members of the comment lines at the beginning.
func header(data []byte) []headerLine {
	var out []headerLine
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if !strings.HasPrefix(line, "#") {
			break
		}
		if m := headerName.FindStringSubmatch(line); m != nil {
			out = append(out, headerLine{n, m[1], strings.TrimSpace(m[2])})
		} else if more, ok := strings.CutPrefix(line, "#   "); ok && len(out) > 0 {
			last := &out[len(out)-1]
			last.value = strings.TrimSpace(last.value + " " + strings.TrimSpace(more))
		}
	}
	return out
}

// Commands returns the commands of a script, without what its quoting means: enough to know
// what it will send.
func Commands(data []byte) []Command {
	var out []Command
	n := 0
	for line := range strings.Lines(string(txtar.Parse(data).Comment)) {
		n++
		words := strings.Fields(line)
		for i, w := range words { // a comment goes to the end of the line
			if strings.HasPrefix(w, "#") {
				words = words[:i]
				break
			}
		}
		for len(words) > 0 && strings.HasPrefix(words[0], "[") {
			words = words[1:]
		}
		c := Command{Line: n}
		if len(words) > 0 && words[0] == "!" {
			c.Not, words = true, words[1:]
		}
		if len(words) > 0 {
			c.Name, c.Args = words[0], words[1:]
			out = append(out, c)
		}
	}
	return out
}

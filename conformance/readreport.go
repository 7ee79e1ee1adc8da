package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// maxShown is how many permissions of a key that was admitted wrongly are spelled out.
const maxShown = 3

// readChecks are the checks whose verdicts say whether a key was admitted. Others are
// about the form of a refusal or about records.
var readChecks = []string{overGrant.ID, underGrant.ID, anonymousAdmitted.ID, badKeyAdmitted.ID, effectDespiteRefusal.ID, defaultAllow.ID}

// ReadReport reads what a run saw, from the JSON that [Report.WriteJSON] writes, as a
// catalog: what each probed endpoint really requires.
//
// Where every probe passed and the whole boundary of the endpoint is proven, that is what
// the run's catalog says. Where a probe failed, it is the catalog's requirement put right:
// who was admitted wrongly is one more alternative, a key of unknown grant or of many
// permissions as a permission named after it, and alternatives that were refused are gone. Everything else is unknown:
// a probe that decided nothing proves nothing.
//
// load loads the run's catalog by the reference in the report. A key's grant is read from
// its name, which the reference server's keys have from it; the report does not say what
// the keys of a profile hold. file is the report's name in messages and positions.
func ReadReport(file string, data []byte, load func(ref string) (*catalogs.Catalog, error)) (*catalogs.Catalog, error) {
	r := &reportReader{file: file, data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))}
	if err := r.decode(); err != nil {
		return nil, err
	}
	return r.catalog(load)
}

type reportReader struct {
	file string
	data []byte

	version  int
	ref      string
	probes   []readProbe
	unproven []Unproven
}

type readProbe struct {
	Check   string   `json:"check"`
	Method  string   `json:"method"`
	Path    string   `json:"path"`
	Key     string   `json:"key"`
	Expect  *Expect  `json:"expect"`
	Verdict *Verdict `json:"verdict"`

	pos catalogs.Pos
}

// at turns a byte offset into a position.
func (r *reportReader) at(offset int64) catalogs.Pos {
	before := r.data[:min(max(offset, 0), int64(len(r.data)))]
	line := bytes.LastIndexByte(before, '\n')
	return catalogs.Pos{File: r.file, Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + len([]rune(string(before[line+1:])))}
}

func (r *reportReader) errorf(offset int64, format string, args ...any) error {
	p := r.at(offset)
	return &strictyaml.Error{File: p.File, Line: p.Line, Column: p.Column, Msg: fmt.Sprintf(format, args...)}
}

func (r *reportReader) decode() error {
	dec := json.NewDecoder(bytes.NewReader(r.data))
	fail := func(err error) error {
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &syntax):
			return r.errorf(syntax.Offset-1, "invalid JSON: %v", err)
		case errors.As(err, &kind):
			return r.errorf(dec.InputOffset(), "the report of a probe run has %s here, expected %s", kind.Value, kind.Type)
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return r.errorf(int64(len(bytes.TrimRight(r.data, " \t\r\n"))), "the JSON ends too early: expected the report of a probe run, as permcheck probe --format json writes it")
		}
		return r.errorf(dec.InputOffset(), "%v", err)
	}
	if t, err := dec.Token(); err != nil {
		return fail(err)
	} else if t != json.Delim('{') {
		return r.errorf(0, "expected the report of a probe run, as permcheck probe --format json writes it")
	}
	hasProbes := false
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return fail(err)
		}
		switch name {
		case "version":
			err = dec.Decode(&r.version)
		case "catalog":
			err = dec.Decode(&r.ref)
		case "boundary":
			var b struct {
				Unproven []Unproven `json:"unproven"`
			}
			err = dec.Decode(&b)
			r.unproven = b.Unproven
		case "probes":
			hasProbes = true
			err = r.decodeProbes(dec)
		default:
			var skipped json.RawMessage
			err = dec.Decode(&skipped)
		}
		if err != nil {
			var placed *strictyaml.Error
			if errors.As(err, &placed) {
				return err
			}
			return fail(err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return fail(err)
	}
	if !hasProbes || r.version != 1 {
		return r.errorf(0, "expected the report of a probe run (version 1, with probes), as permcheck probe --format json writes it")
	}
	return nil
}

func (r *reportReader) decodeProbes(dec *json.Decoder) error {
	if t, err := dec.Token(); err != nil {
		return err
	} else if t != json.Delim('[') {
		return r.errorf(dec.InputOffset(), "expected a list of probes")
	}
	line, column, seen := 1, 1, int64(0)
	for dec.More() {
		// The offset is behind the last value; the next one begins after a comma and
		// spaces. Lines are counted on from the probe before.
		start := dec.InputOffset()
		for start < int64(len(r.data)) && bytes.IndexByte([]byte(", \t\r\n"), r.data[start]) >= 0 {
			start++
		}
		for ; seen < start; seen++ {
			if column++; r.data[seen] == '\n' {
				line, column = line+1, 1
			}
		}
		p := readProbe{pos: catalogs.Pos{File: r.file, Line: line, Column: column}}
		if err := dec.Decode(&p); err != nil {
			return err
		}
		switch {
		case p.Method == "" || !strings.HasPrefix(p.Path, "/"):
			return r.errorf(start, "a probe needs a method and a path that begins with /, found %q", strictyaml.Excerpt(p.Method+" "+p.Path))
		case p.Expect == nil || p.Verdict == nil:
			return r.errorf(start, "the probe of %s says nothing under expect or verdict", strictyaml.Excerpt(p.Method+" "+p.Path))
		}
		r.probes = append(r.probes, p)
	}
	_, err := dec.Token()
	return err
}

// A seen is what the probes of one endpoint showed.
type seen struct {
	method, path string
	pos          catalogs.Pos
	requires     *perm.Requirement // by the run's catalog; nil: it has no such row
	admitted     []grant           // where the catalog refuses
	refused      []grant           // where it admits
	anybody      bool              // admitted without a valid key
	shut         bool              // refused without a key although it is public
	open         bool              // something was not decided
	some         bool              // something was
}

type grant struct {
	key   string
	holds perm.Set
	known bool
}

func (r *reportReader) catalog(load func(ref string) (*catalogs.Catalog, error)) (*catalogs.Catalog, error) {
	if len(r.probes) == 0 {
		return nil, fmt.Errorf("%s: the run probed nothing", r.file)
	}
	from, err := load(r.ref)
	if err != nil {
		return nil, fmt.Errorf("%s: the run's catalog, by which its probes are read: %w", r.file, err)
	}
	rows, order := map[string]*seen{}, []*seen{}
	for i := range from.Endpoints {
		e := &from.Endpoints[i]
		s := &seen{method: e.Method, path: e.Path, requires: e.Requires, pos: catalogs.Pos{File: r.file}}
		rows[catalogs.EndpointKey(e.Method, e.Path)] = s
		order = append(order, s)
	}
	grants := keyGrants(from)
	for _, p := range r.probes {
		s := rows[catalogs.EndpointKey(p.Method, p.Path)]
		if s == nil {
			s = &seen{method: p.Method, path: p.Path}
			rows[catalogs.EndpointKey(p.Method, p.Path)] = s
			order = append(order, s)
		}
		if s.pos.Line == 0 {
			s.pos = p.pos
		}
		if !slices.Contains(readChecks, p.Check) {
			continue
		}
		verdict, expect := *p.Verdict, *p.Expect
		// A write that was looked for in vain says nothing beyond the answer itself.
		if decided := verdict == Pass || verdict == Fail; p.Check != effectDespiteRefusal.ID {
			s.open, s.some = s.open || !decided, s.some || decided
		}
		if verdict != Fail {
			continue
		}
		nobody := p.Key == AnonymousKey || p.Key == MalformedKey || p.Key == UnknownKey
		switch {
		case expect == Refuse && nobody:
			s.anybody = true
		case expect == Refuse:
			s.admitted = append(s.admitted, grants(p.Key))
		case nobody:
			s.shut = true
		default:
			s.refused = append(s.refused, grants(p.Key))
		}
	}
	for _, u := range r.unproven {
		if s := rows[catalogs.EndpointKey(u.Method, u.Path)]; s != nil {
			s.open = true
		}
	}
	out := &catalogs.Catalog{File: r.file, Permissions: from.Permissions}
	implied := from.Implications()
	for _, s := range order {
		req, ok := s.requirement(implied)
		if ok {
			out.Endpoints = append(out.Endpoints, catalogs.Endpoint{Method: s.method, Path: s.path, Requires: &req, Pos: s.pos})
		}
	}
	return out, nil
}

// keyGrants returns what a key of the run holds, if its name says so.
func keyGrants(from *catalogs.Catalog) func(key string) grant {
	cache := map[string]grant{}
	return func(key string) grant {
		g, ok := cache[key]
		if !ok {
			set, err := ParseGrant(key, from)
			g = grant{key, set, err == nil}
			cache[key] = g
		}
		return g
	}
}

// requirement is what the endpoint was seen to require. It is not ok for a path that the
// run invented and was refused.
func (s *seen) requirement(implied *perm.Implications) (perm.Requirement, bool) {
	wrong := s.anybody || s.shut || len(s.admitted)+len(s.refused) > 0
	switch {
	case s.requires == nil && !wrong:
		return perm.Requirement{}, false
	case s.anybody:
		return perm.Public(), true
	case !wrong && (s.open || !s.some || s.requires.IsUnknown()):
		return perm.Unknown(), true
	case !wrong:
		return *s.requires, true
	}
	req := perm.Nobody()
	if s.requires != nil {
		req = *s.requires
	}
	if s.shut && req.IsPublic() {
		req = perm.Authenticated()
	}
	for _, g := range s.refused {
		var left []perm.Set
		for _, c := range req.Clauses() {
			if !g.known || !c.SubsetOf(implied.Close(g.holds)) {
				left = append(left, c)
			}
		}
		if !g.known || len(left) == len(req.Clauses()) {
			// Whatever it holds was not enough: more is asked for.
			more, err := req.And(perm.All(perm.Permission("more than key " + g.key + " holds")))
			if err == nil {
				req = more
				continue
			}
		}
		req = perm.FromClauses(left...)
	}
	for _, g := range s.admitted {
		// A key of many permissions does not show which of them was enough.
		also := perm.All(g.holds...)
		if !g.known || len(g.holds) > maxShown {
			also = perm.All(perm.Permission("key " + g.key))
		}
		wider, err := req.Or(also)
		if err != nil { // too many alternatives to say; whoever got in is one of many
			return perm.Authenticated(), true
		}
		req = wider
	}
	return req, true
}

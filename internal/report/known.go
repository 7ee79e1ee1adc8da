package report

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// A Known is the list of findings that a team has accepted, each with a reason and an
// owner. An entry takes away the findings that it names; one that names none any
// more is itself reported, so that the list only shrinks.
type Known struct {
	File    string
	Entries []KnownEntry
}

// A KnownEntry accepts the findings of one rule about one endpoint.
type KnownEntry struct {
	Rule string
	// Endpoint is the finding's subject, "METHOD /path"; parameter names do not matter. A path
	// that ends in "..." stands for all that begin so, of every method where it names none.
	Endpoint string
	// Was and Now are as the finding has them. Without Was it may have been anything; without Now the
	// entry accepts only what cannot get worse.
	Was, Now string
	Reason   string
	Owner    string
	Until    time.Time // the first day on which it no longer counts; zero: none
	Pos      catalogs.Pos
}

// expirySoon is how long before its end an entry is warned of.
const expirySoon = 14 * 24 * time.Hour

// LoadKnown reads a file of known findings: a list of entries with rule, endpoint,
// reason and owner, and optionally was, now and until (YYYY-MM-DD). Its mistakes are
// returned all at once, each with its position.
func LoadKnown(file string) (*Known, error) {
	info, err := os.Stat(file)
	if err == nil && info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: file, Err: fmt.Errorf("this is a directory: expected a file of known findings")}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return ParseKnown(file, data)
}

// ParseKnown is [LoadKnown] for a text; file is its name in messages.
func ParseKnown(file string, data []byte) (*Known, error) {
	if !slices.ContainsFunc(strings.Split(string(data), "\n"), func(line string) bool {
		line = strings.TrimSpace(line)
		return line != "" && line[0] != '#'
	}) {
		return &Known{File: file}, nil // every entry has been dropped
	}
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		return nil, err
	}
	k := &Known{File: file}
	seen := map[[4]string]int{}
	for _, it := range doc.Root.Items("a list of known findings") {
		e := KnownEntry{Pos: catalogs.Pos{File: file, Line: it.Line(), Column: it.Column()}}
		text := func(name, want string, to *string) strictyaml.Field {
			return strictyaml.Field{Name: name, Decode: func(n strictyaml.Node) { *to, _ = n.Text(want) }}
		}
		it.Fields("a known finding",
			strictyaml.Field{Name: "rule", Decode: func(n strictyaml.Node) {
				ids := make([]string, len(Rules))
				for i, r := range Rules {
					ids[i] = r.ID
				}
				id, ok := n.Text("the id of a rule")
				if _, known := ruleByID(id); ok && !known {
					hint := ""
					if near := strictyaml.Nearest(id, ids); near != "" {
						hint = fmt.Sprintf(": did you mean %s?", near)
					}
					n.Errorf("no rule %q%s", strictyaml.Excerpt(id), hint)
				}
				e.Rule = id
			}},
			text("endpoint", "METHOD /path, a path that ends in ... for all below it, or what else the finding is about", &e.Endpoint),
			text("was", "a requirement", &e.Was),
			text("now", "a requirement", &e.Now),
			text("reason", "why this is accepted", &e.Reason),
			text("owner", "who answers for it", &e.Owner),
			strictyaml.Field{Name: "until", Decode: func(n strictyaml.Node) {
				t, err := time.Parse(time.DateOnly, n.Value())
				if err != nil {
					n.Errorf("expected a date as 2027-01-31, found %q", strictyaml.Excerpt(n.Value()))
				}
				e.Until = t
			}},
		)
		for _, need := range []struct{ name, value string }{{"rule", e.Rule}, {"endpoint", e.Endpoint}, {"reason", e.Reason}, {"owner", e.Owner}} {
			if need.value == "" {
				it.Errorf("a known finding needs %s", need.name)
			}
		}
		key := [4]string{e.Rule, SubjectKey(e.Endpoint), e.Was, e.Now}
		if line, dup := seen[key]; dup {
			it.Errorf("the same entry is on line %d", line)
		}
		seen[key] = it.Line()
		k.Entries = append(k.Entries, e)
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return k, nil
}

// Apply takes away the findings that entries accept at the given time, and returns the
// rest, how many were taken away, and a finding for each entry that matches nothing,
// has expired or soon will. Entries about other rules than those that the command
// reports are left alone.
func (k *Known) Apply(findings []*Finding, ruleIDs map[string]bool, now time.Time) (rest []*Finding, accepted int, about []*Finding) {
	if k == nil {
		return findings, 0, nil
	}
	used := make([]bool, len(k.Entries))
	rest = []*Finding{}
	for _, f := range findings {
		taken := false
		for i := range k.Entries {
			if e := &k.Entries[i]; e.Matches(f) {
				used[i] = true
				taken = taken || !e.expired(now)
			}
		}
		if taken {
			accepted++
		} else {
			rest = append(rest, f)
		}
	}
	for i := range k.Entries {
		e := &k.Entries[i]
		if !ruleIDs[e.Rule] {
			continue
		}
		f := &Finding{Subject: e.Endpoint, Args: []string{e.Rule, e.Was, e.Now}, Position: e.Pos}
		switch {
		case !used[i]:
			f.Rule = "known-unmatched"
			f.Message, f.Fix = e.unmatched(findings)
		case e.expired(now):
			f.Rule, f.Message = "known-expired", fmt.Sprintf("known finding %s of %s expired on %s; its owner is %s", e.Rule, e.Endpoint, e.Until.Format(time.DateOnly), e.Owner)
		case !e.Until.IsZero() && e.Until.Sub(now) < expirySoon:
			f.Rule, f.Message = "known-expires", fmt.Sprintf("known finding %s of %s expires on %s; its owner is %s", e.Rule, e.Endpoint, e.Until.Format(time.DateOnly), e.Owner)
		default:
			continue
		}
		about = append(about, f)
	}
	return rest, accepted, about
}

// OutdatedKnown reports whether the finding is about an entry of a known file that does
// nothing any more: it matches no finding, or has expired.
func (f *Finding) OutdatedKnown() bool {
	return f.Rule == "known-unmatched" || f.Rule == "known-expired"
}

func (e *KnownEntry) expired(now time.Time) bool { return !e.Until.IsZero() && !now.Before(e.Until) }

// Matches reports whether the entry is about the finding, expired or not.
func (e *KnownEntry) Matches(f *Finding) bool {
	final := f.Now == "" || f.Now == "public" // it cannot get worse
	return e.about(f) && (e.Was == "" || e.Was == f.Was) && (e.Now == f.Now || e.Now == "" && final)
}

// about reports whether the entry is about the finding's endpoint and rule. It accepts the
// finding only if it also says what the requirements are: what they become later is another
// matter.
func (e *KnownEntry) about(f *Finding) bool {
	return e.Rule == f.Rule && (SubjectKey(e.Endpoint) == SubjectKey(f.Subject) || e.covers(f.Subject))
}

var parameter = regexp.MustCompile(`\{[^{}]*\}`)

// covers reports whether the entry is for all paths below one, and a subject's is among them.
func (e *KnownEntry) covers(subject string) bool {
	prefix, tree := strings.CutSuffix(e.Endpoint, "...")
	at := strings.IndexByte(prefix, '/')
	if !tree || at < 0 {
		return false
	}
	method, path, ok := strings.Cut(subject, " ")
	if !ok || !strings.HasPrefix(path, "/") {
		return false
	}
	if m := strings.TrimSpace(prefix[:at]); m != "" && !strings.EqualFold(m, method) {
		return false
	}
	prefix, path = parameter.ReplaceAllString(prefix[at:], "{}"), parameter.ReplaceAllString(path, "{}")
	return strings.HasPrefix(path, prefix) || path+"/" == prefix
}

// unmatched says why an entry accepts nothing, and what to do; no fix: the rule's.
func (e *KnownEntry) unmatched(findings []*Finding) (why, fix string) {
	for _, f := range findings {
		if e.about(f) {
			return fmt.Sprintf("known finding %s of %s does not accept what is found: the entry has now: %q, the finding has now: %q", e.Rule, e.Endpoint, e.Now, f.Now),
				"Remove the entry, or state what it accepts: permcheck baseline writes was and now."
		}
	}
	return fmt.Sprintf("known finding %s of %s is found no more", e.Rule, e.Endpoint), ""
}

// SubjectKey is a subject without the names of its path's parameters.
func SubjectKey(s string) string {
	var method, path string
	if n, err := fmt.Sscanf(s, "%s %s", &method, &path); n == 2 && err == nil && path[0] == '/' {
		return catalogs.EndpointKey(method, path)
	}
	return s
}

// KnownLine is a finding as an entry of the file, with a line break behind it. An empty until is
// left out.
func KnownLine(f *Finding, reason, owner, until string) string {
	q := strictyaml.QuoteFlow
	line := fmt.Sprintf("- {rule: %s, endpoint: %s", f.Rule, q(f.Subject))
	if f.Was != "" {
		line += ", was: " + q(f.Was)
	}
	if f.Now != "" {
		line += ", now: " + q(f.Now)
	}
	line += fmt.Sprintf(", reason: %s, owner: %s", q(reason), q(owner))
	if until != "" {
		line += ", until: " + until
	}
	return line + "}\n"
}

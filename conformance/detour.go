package conformance

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/permcheck/permcheck/catalogs"
)

// A detour is a request that a server may take for the one of a row although it is written in
// another way: another spelling of the path, another method, a header that names it. What must
// come of it is told by comparison with the row's plain request: a refusal, "not found", a
// redirect and an answer that has nothing of what an admitted key is shown are right. What an
// admitted key is shown is not, whatever the status.

// Labels of the plain requests that a detour is compared with.
const (
	plainAdmitted = "the plain request, admitted"
	plainRefused  = "the plain request, refused"
)

// baseline begins the label of a request that shows what a sender may see without the detour,
// where that is not the plain request.
const baseline = "for comparison: "

// detours makes a check of other ways to ask for what rows answer. ways returns the calls for
// one concrete path, without sender; none means that the path has no such way. The questions
// are planned for rows as [planner.reads] chooses them by group.
func detours(c Check, group func(*Row) string, ways func(l *Lab, q *Question, path string) []Call) Check {
	c.ask = func(p *planner) {
		for _, i := range p.reads(group) {
			p.askDetour(i)
		}
	}
	c.perform = func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		list := ways(l, q, path)
		if len(list) == 0 {
			return leaveOut("the path has no such form")
		}
		return l.detour(ctx, q, rec, list)
	}
	c.decide = decideDetours
	return c
}

// askDetour asks about one row with the key that holds least of those that it refuses, else
// without a key.
func (p *planner) askDetour(row int) {
	weak := max(p.weakest(row), 0)
	strong := p.strongest(row)
	p.ask(Question{Row: row, Keys: []int{weak, strong}, Expect: Refuse,
		Base: []int{p.base(row, weak), p.base(row, strong), p.base(p.invented(), weak)}})
}

// reads returns the rows that detours are tried on: reads that refuse somebody and admit some
// key. Of those in one group the first that shows records stands for all, unless the depth is
// exhaustive; how many are left out is counted. A group named [leftOut] is no group.
func (p *planner) reads(group func(*Row) string) []int {
	var rows []int
	at := map[string]int{}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || r.Method != http.MethodGet || !r.Reads || r.Need.IsPublic() || p.strongest(i) < 0 {
			continue
		}
		name := group(r)
		n, taken := at[name]
		switch {
		case name == leftOut:
			p.leave()
		case p.exhaustive || !taken:
			at[name] = len(rows)
			rows = append(rows, i)
		case p.shows(i) > p.shows(rows[n]):
			rows[n] = i
			p.leave()
		default:
			p.leave()
		}
	}
	return rows
}

// shows ranks how much a row's answer can tell: records of an object, and whether some valid
// key is refused.
func (p *planner) shows(row int) int {
	n, e := 0, p.Rows[row].Endpoint
	if p.weakest(row) >= 0 {
		n += 2
	}
	if (e.Lists != "" || e.Gets != "") && len(e.NeedsListed) == 0 {
		n++
	}
	return n
}

// leave counts a row that the check being planned does not ask about.
func (p *planner) leave() {
	if p.LeftOut == nil {
		p.LeftOut = map[string]int{}
	}
	p.LeftOut[p.asking.ID]++
}

// byShape groups rows whose paths a router reads alike: of one first segment, with literals and
// parameters at the same places.
func byShape(r *Row) string {
	parts := strings.Split(r.Path, "/")
	for i, part := range parts {
		switch {
		case strings.Contains(part, "{"):
			parts[i] = "{}"
		case i > 1:
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

// byArea groups rows below one first segment, such as a version of the API.
func byArea(r *Row) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
	return first
}

// leftOut is the group of rows that a check cannot ask about.
const leftOut = "-"

// everywhere is one group for all rows.
func everywhere(*Row) string { return "" }

// detour sends the plain request of the question's row as its second key, which is admitted,
// and as its first, which is not, and then the calls as its first key. What the answers to the
// calls have of the admitted key's answer is noted.
func (l *Lab) detour(ctx context.Context, q *Question, rec *Record, calls []Call) error {
	admitted, err := l.plain(ctx, rec, plainAdmitted, q.Row, l.As(q.Keys[1]))
	if err != nil {
		return err
	}
	if _, err := l.plain(ctx, rec, plainRefused, q.Row, l.As(q.Keys[0])); err != nil {
		return err
	}
	for _, c := range calls {
		if c.By.Name == "" {
			c.By = l.As(q.Keys[0])
		}
		c.Any, c.row = true, q.Row+1
		if a := l.Send(ctx, rec, c); a.OK() {
			rec.Fact("shown: "+c.Label, strconv.Itoa(shownOf(admitted, a)))
			if methodNames.Match(a.Body) {
				rec.Fact("shown: "+c.Label, onlyMethods)
			}
		}
	}
	return nil
}

// onlyMethods is the fact about an answer that names methods and nothing else.
const onlyMethods = "names of methods"

var methodNames = regexp.MustCompile(`^\s*[A-Z]{3,}(\s*[,\s]\s*[A-Z]{3,})*\s*$`)

// shownOf counts the telling values of one answer that another has somewhere, in whatever format.
func shownOf(of, in *Answer) int {
	n := 0
	for _, text := range tellingTexts(of.JSON(), nil) {
		if bytes.Contains(in.Body, []byte(text)) {
			n++
		}
	}
	return n
}

// tellingTexts collects the values of a JSON body that hardly stand in another by chance.
func tellingTexts(v any, list []string) []string {
	const most = 200
	switch {
	case len(list) >= most:
		return list
	case tells(v):
		return append(list, scalar(v))
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range sortedNames(v) {
			list = tellingTexts(v[name], list)
		}
	case []any:
		for _, item := range v {
			list = tellingTexts(item, list)
		}
	}
	return list
}

// plainKey names a plain request.
type plainKey struct {
	row  int
	name string
}

// A plainOnce is the answer to a plain request, sent once.
type plainOnce struct {
	once sync.Once
	x    Exchange
	a    *Answer
}

// plain sends the plain request of a row that reads, once for each sender and whatever number of
// questions compares with it, and records it.
func (l *Lab) plain(ctx context.Context, rec *Record, label string, row int, by Sender) (*Answer, error) {
	path, err := l.Path(ctx, row)
	if err != nil {
		return nil, err
	}
	k := l.known
	k.mu.Lock()
	p := k.plains[plainKey{row, by.Name}]
	if p == nil {
		p = &plainOnce{}
		if k.plains == nil {
			k.plains = map[plainKey]*plainOnce{}
		}
		k.plains[plainKey{row, by.Name}] = p
	}
	k.mu.Unlock()
	p.once.Do(func() {
		c := Call{Method: http.MethodGet, Path: path, By: by, row: row + 1}
		p.a = l.send(ctx, &c)
		p.x = l.exchange(&c, p.a)
		p.a.JSON() // read here, where nobody else does
	})
	x := p.x
	x.Label = label
	rec.Exchanges = append(rec.Exchanges, x)
	return p.a, nil
}

// decideDetours fails when one of the calls shows what the admitted key is shown.
func decideDetours(_ *judge, _ *Question, rec *Record) (Verdict, string) {
	reason := ""
	for i := range rec.Exchanges {
		x := &rec.Exchanges[i]
		if x.Label == plainAdmitted || x.Label == plainRefused || strings.HasPrefix(x.Label, baseline) {
			continue
		}
		switch v, why := opened(rec, x); {
		case v == Fail:
			return v, x.Label + " " + why
		case v == Inconclusive && reason == "":
			reason = x.Label + " " + why
		}
	}
	if reason != "" {
		return Inconclusive, reason
	}
	return Pass, ""
}

// opened decides whether an answer shows what the plain request shows to an admitted key and
// refuses to the sender.
func opened(rec *Record, x *Exchange) (Verdict, string) {
	admitted, refused := rec.Find(plainAdmitted), rec.Find(plainRefused)
	if !admitted.OK() {
		return Inconclusive, fmt.Sprintf("cannot be told: the plain request was answered %d to the admitted key", admitted.Status)
	}
	listed := admitted.Body.Count > 0 && refused.OK() && refused.Body.Count == 0 // an empty list is the refusal
	switch {
	case x.Status == http.StatusNotImplemented || x.Status == http.StatusHTTPVersionNotSupported:
		return Pass, ""
	case x.undecided():
		return Inconclusive, fmt.Sprintf("was answered %d, which says nothing about permission", x.Status)
	case !x.OK() || x.Body.Kind == "empty" || x.Body.Sum == refused.Body.Sum, listed && x.Body.Count == 0:
		return Pass, ""
	}
	usual := false // it is what the sender is shown anyhow
	for i := range rec.Exchanges {
		if b := &rec.Exchanges[i]; b.OK() && strings.HasPrefix(b.Label, baseline) {
			if b.Body.Sum == x.Body.Sum {
				return Pass, ""
			}
			usual = usual || b.Body.Kind == x.Body.Kind && sameShape(b.Body.Paths, x.Body.Paths)
		}
	}
	same := x.Body.Sum == admitted.Body.Sum || len(sharedIDs(x, admitted)) > 0 || len(shared(x.Body.Telling, admitted.Body.Telling)) > 0
	if rec.Facts["shown: "+x.Label] == onlyMethods {
		return Pass, ""
	}
	shown, _ := strconv.Atoi(rec.Facts["shown: "+x.Label]) // absent is none
	switch {
	case same || shown > 0:
		return Fail, fmt.Sprintf("is answered %d and shows what the admitted key is shown; the plain request is answered %d", x.Status, refused.Status)
	case usual:
		return Pass, ""
	case x.Body.Kind == admitted.Body.Kind && len(x.Body.Paths) > 0 && sameShape(x.Body.Paths, admitted.Body.Paths):
		return Fail, fmt.Sprintf("is answered %d in the shape of the admitted key's answer; the plain request is answered %d", x.Status, refused.Status)
	}
	return Inconclusive, fmt.Sprintf("is answered %d with something else than the admitted key is shown", x.Status)
}

// sharedIDs returns the ids of objects that two lists both show.
func sharedIDs(a, b *Exchange) []string {
	var ra, rb Record
	ra.Set("", a.Body.IDs)
	rb.Set("", b.Body.IDs)
	return shared(ra.Sets[""], rb.Sets[""])
}

func sameShape(a, b map[string][]string) bool {
	if len(a) != len(b) {
		return false
	}
	for path := range a {
		if _, ok := b[path]; !ok {
			return false
		}
	}
	return true
}

// A spelling is another way to write the segments of a path. static says which of them the
// template has literally; the others hold values. parts[0] is the first segment, without slash.
type spelling func(parts []string, static []bool) []string

// spelled makes a check of other spellings of a path, which are sent byte by byte. The
// spellings are whole paths.
func spelled(c Check, spell spelling) Check {
	c.Category = "routing"
	c.Doc = `Sends the path of a few endpoints that read, one of each shape of path, in other spellings,
byte by byte, with the key that holds least. What shows the answer of an admitted key where the
plain path is refused is the finding. A redirect, a refusal and "not found" are right. While the
plain path itself is open, nothing is asked.`
	return detours(c, byShape, func(l *Lab, q *Question, path string) []Call {
		parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
		static := make([]bool, len(parts))
		if t, err := catalogs.ParseTemplate(l.Plan.Rows[q.Row].Path); err == nil {
			for i, part := range strings.Split(strings.TrimPrefix(t.String(), "/"), "/") {
				if i < len(static) {
					static[i] = !strings.Contains(part, "{")
				}
			}
		}
		var calls []Call
		for _, s := range spell(parts, static) {
			if s != path {
				calls = append(calls, Call{Label: s, Method: http.MethodGet, Path: s, Raw: true})
			}
		}
		return calls
	})
}

// joined is the path of some segments.
func joined(parts ...string) string { return "/" + strings.Join(parts, "/") }

// replaced is a copy of segments with one of them exchanged.
func replaced(parts []string, i int, by string) []string {
	out := append([]string(nil), parts...)
	out[i] = by
	return out
}

// lastWhere is the last index at which a segment is static, or is not; -1 when none is.
func lastWhere(static []bool, want bool) int {
	for i := len(static) - 1; i >= 0; i-- {
		if static[i] == want {
			return i
		}
	}
	return -1
}

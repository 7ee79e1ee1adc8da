package conformance

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// existenceHidden: a hidden record is answered as one that is not there.
var existenceHidden = Check{
	ID: "existence-hidden", Category: "existence",
	Title: "a record that the key must not see is answered as one that is not there",
	Doc: `Asks for a hidden record by its id, and for an id that nobody has, with the same key: with GET
and HEAD, with If-None-Match (any, and the entity tag that the full key is given), and with
Range. Status, body (but for the ids in it) and headers (but for dates and request ids) must be
alike, and the status the one that the catalog states. Rows that change such a record are asked alike,
about a hidden record that is made for it, and their two answers compared. It is asked where the
catalog states how a hidden record is answered (records: hidden:).`,
	Finds: []string{"existence-by-status", "existence-by-body", "existence-by-header", "existence-by-etag"},
	ask: func(p *planner) {
		for i := range p.catalog.Records {
			rule := &p.catalog.Records[i]
			if rule.Hidden == 0 {
				continue
			}
			for _, row := range p.getting(rule.Object) {
				if r := &p.Rows[row]; r.Method == "GET" && len(r.Params()) == 1 {
					p.askViewers(row, rule.Object, Question{Expect: Refuse})
				}
			}
			writes := len(p.Questions)
			for _, row := range p.writesTo(rule.Object) {
				if strings.HasSuffix(p.Rows[row].Path, "}") {
					p.askViewers(row, rule.Object, Question{Expect: Refuse})
				}
			}
			for n := writes; n < len(p.Questions); n++ {
				p.Questions[n].Effort = SomeWrites
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		if !l.Plan.Rows[q.Row].Reads {
			return l.writesAlike(ctx, rec, q)
		}
		key, full := q.Keys[0], q.Keys[1]
		hidden, err := l.hiddenOf(ctx, rec, q.Object, key, full)
		if err != nil {
			return err
		}
		if len(hidden) == 0 {
			return leaveOut("no %s is hidden from the key", q.Object)
		}
		it := hidden[0]
		template := l.Plan.Rows[q.Row].Path
		there, absent := fillID(template, it.ID), fillID(template, absentID(it.ID, hidden))
		tag := ""
		a := l.Send(ctx, rec, Call{Label: "full key", Method: "GET", Path: there, By: l.As(full)})
		if !a.OK() {
			return fmt.Errorf("the full key was answered %d for a record that it lists", a.Status)
		}
		tag = a.Header.Get("ETag")
		plain := l.Send(ctx, rec, Call{Label: "hidden", Method: "GET", Path: there, By: l.As(key), against: &against{q.Row, recordByID.ID, q.Subject}})
		if plain.OK() {
			answered := len(rec.Exchanges) - 1
			if still, err := l.stillHidden(ctx, rec, q.Object, key, full, hidden[:1]); err != nil || len(still) == 0 || len(plain.Body) == 0 {
				rec.Exchanges[answered].Admission = nil // somebody changed it meanwhile
			}
			return leaveOut("the record is answered")
		}
		return l.alike(ctx, rec, l.As(key), there, absent, tag)
	},
	decide: func(j *judge, q *Question, rec *Record) (Verdict, string) {
		if how := rec.Facts["differs"]; how != "" {
			return Fail, "a hidden record is told from an absent one " + how
		}
		if rule := j.plan.recordRule(q.Object); rule != nil && rule.Hidden != 0 {
			if x := rec.Find("hidden"); x != nil && x.Status != rule.Hidden {
				return Fail, fmt.Sprintf("a hidden record is answered %d, where the catalog says %d", x.Status, rule.Hidden)
			}
		}
		return Pass, ""
	},
}

// writesAlike asks with a row that writes for a change of a record that is hidden from the key,
// and of one that is not there.
func (l *Lab) writesAlike(ctx context.Context, rec *Record, q *Question) error {
	w, err := l.workshop(ctx, rec, q)
	if err != nil {
		return err
	}
	it, err := w.made(ctx, rec, false)
	if err != nil {
		return err
	}
	nobodys := &Item{ID: absentID(it.ID, w.all.Items), Fields: it.Fields}
	set := map[string]any{w.text: l.Mark()}
	a := w.change(ctx, rec, "there", q.Row, w.key, it, set)
	b := w.change(ctx, rec, "absent", q.Row, w.key, nobodys, set)
	if a.OK() || b.OK() {
		return leaveOut("the change is admitted, which another check says")
	}
	template := l.Plan.Rows[q.Row].Path
	there, absent := fillID(template, it.ID), fillID(template, nobodys.ID)
	how := unlike(a, b, there, absent)
	if len(how) > 0 {
		again := unlike(b, w.change(ctx, rec, "absent again", q.Row, w.key, nobodys, set), absent, absent)
		again = append(again, unlike(a, w.change(ctx, rec, "there again", q.Row, w.key, it, set), there, there)...)
		how = slices.DeleteFunc(how, func(h string) bool { return slices.Contains(again, h) })
	}
	if len(how) > 0 {
		rec.Fact("differs", "by its "+strings.Join(how, " and its "))
	}
	return nil
}

// alike sends the same requests about a thing that is there and one that is not, and records
// in the fact "differs" how their answers differ, if they do.
func (l *Lab) alike(ctx context.Context, rec *Record, by Sender, there, absent, tag string) error {
	type form struct {
		label, method string
		header        http.Header
	}
	forms := []form{{"", "GET", nil}, {"with HEAD", "HEAD", nil}, {"with If-None-Match: *", "GET", http.Header{"If-None-Match": {"*"}}},
		{"with Range", "GET", http.Header{"Range": {"bytes=0-0"}}}}
	if tag != "" {
		forms = append(forms, form{"with its entity tag in If-None-Match", "GET", http.Header{"If-None-Match": {tag}}})
	}
	for _, f := range forms {
		call := Call{Label: strings.TrimSpace("there " + f.label), Method: f.method, Path: there, By: by, Header: f.header}
		a := l.Send(ctx, rec, call)
		call.Label, call.Path = strings.TrimSpace("absent "+f.label), absent
		b := l.Send(ctx, rec, call)
		if a.OK() || b.OK() {
			return leaveOut("the key is admitted, which another check says")
		}
		how := unlike(a, b, there, absent)
		if len(how) > 0 {
			// What differs between two answers to the same request tells nothing.
			call.Label = strings.TrimSpace("absent again " + f.label)
			again := unlike(b, l.Send(ctx, rec, call), absent, absent)
			call.Label, call.Path = strings.TrimSpace("there again "+f.label), there
			again = append(again, unlike(a, l.Send(ctx, rec, call), there, there)...)
			how = slices.DeleteFunc(how, func(h string) bool { return slices.Contains(again, h) })
		}
		if len(how) > 0 {
			rec.Fact("differs", strings.TrimSpace("by its "+strings.Join(how, " and its ")+" "+f.label))
			return nil
		}
	}
	return nil
}

// unlike says in what two answers differ but for what differs anyway.
func unlike(a, b *Answer, there, absent string) []string {
	switch {
	case a.Err != nil || b.Err != nil:
		return nil
	case a.Status != b.Status:
		return []string{fmt.Sprintf("status, %d and %d,", a.Status, b.Status)}
	}
	normal := func(text, path string) string {
		// The id as a whole word: one of a digit or two stands in any hash.
		id := regexp.MustCompile(`(^|[^\pL\pN])` + regexp.QuoteMeta(path[strings.LastIndexByte(path, '/')+1:]) + `([^\pL\pN]|$)`)
		return id.ReplaceAllString(strings.ReplaceAll(text, path, "/ID"), "${1}ID$2")
	}
	var list []string
	for _, h := range []http.Header{a.Header, b.Header} {
		for name := range h {
			if slices.Contains(list, "header "+name) || changesAnyway(name) || ofBody[name] && !bytes.Equal(a.Body, b.Body) {
				continue // where the bodies differ by the id alone, so does what is worked out from them
			}
			x, y := inOrder(name, a.Header[name]), inOrder(name, b.Header[name])
			if x != y && normal(x, there) != normal(y, absent) {
				list = append(list, "header "+name)
			}
		}
	}
	slices.Sort(list)
	if x, y := withoutNoise(a, normal(string(a.Body), there)), withoutNoise(b, normal(string(b.Body), absent)); x != y {
		list = append(list, "body")
	}
	return list
}

// inOrder is the value of a header, of one that is a set in alphabetical order.
func inOrder(name string, values []string) string {
	text := strings.Join(values, ", ")
	switch name {
	case "Allow", "Vary", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Expose-Headers":
		words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(words)
		return strings.Join(words, ", ")
	}
	return text
}

// ofBody are headers that servers work out from the body.
var ofBody = map[string]bool{"Etag": true, "Content-Md5": true, "Digest": true, "Content-Digest": true, "Repr-Digest": true}

// changesAnyway reports whether a header differs between two answers to the same request.
func changesAnyway(name string) bool {
	lower := strings.ToLower(name)
	for _, part := range []string{"date", "request-id", "requestid", "trace", "correlation", "ratelimit", "rate-limit", "server-timing", "runtime", "response-time",
		"cf-", "age", "set-cookie", "content-length", "via", "x-amz", "nel", "report-to"} {
		if lower == part || len(part) > 3 && strings.Contains(lower, part) || strings.HasSuffix(part, "-") && strings.HasPrefix(lower, part) {
			return true
		}
	}
	return false
}

// withoutNoise is a body without members whose values differ from one request to the next:
// times, and ids of requests.
func withoutNoise(a *Answer, body string) string {
	m, ok := a.JSON().(map[string]any)
	if !ok {
		return body
	}
	for name, v := range m {
		lower := strings.ToLower(name)
		if text, isText := v.(string); isText && text != "" && (strings.Contains(lower, "time") || strings.Contains(lower, "request") || strings.Contains(lower, "trace") || strings.Contains(lower, "instance")) {
			body = strings.ReplaceAll(body, text, "")
		}
	}
	return body
}

// absentID is an id of the same form as another that nobody has: a number far beyond those
// that are counted up, or other letters and digits of a random one.
func absentID(id string, taken []Item) string {
	used := idSet(taken)
	stem := strings.TrimRight(id, "0123456789")
	if n := len(id) - len(stem); n > 0 && n < 10 && len(id) < 20 {
		if next := id + "99871"; !used[next] {
			return next
		}
	}
	b := []byte(id)
	for i := range b {
		switch c := b[i]; {
		case c >= '0' && c <= '8', c >= 'a' && c <= 'e', c >= 'A' && c <= 'E', c > 'f' && c < 'z', c > 'F' && c < 'Z':
			b[i]++
		case c == '9', c == 'f', c == 'F':
			b[i] = '0'
		}
	}
	return string(b)
}

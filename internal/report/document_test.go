package report

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
)

func hostileDocument(count string) *Document {
	d := &Document{Title: attacks(count)[0], Made: "permcheck --> <script>pwned=1</script>", Intro: attacks(count)[3]}
	for _, a := range attacks(count) {
		line := Line{{Text: a}, {Text: a, Code: true}, {Text: a, Link: a, Tone: ToneGood}, {Text: a, Link: "https://example.com/?" + a}}
		d.Sections = append(d.Sections, Section{Title: a, Columns: []string{a, a}, Rows: [][]Line{{line, line}}, Lines: []Line{line},
			Tree: []*Branch{{Name: a, About: line, Branches: []*Branch{{Name: a}}}}})
	}
	return d
}

func TestDocumentRunsNothingOfWhatItShows(t *testing.T) {
	ctx := browser(t)
	var asked, violations atomic.Int32
	counter := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer counter.Close()
	err := chromedp.Listen(ctx, func(ev any) {
		if ev, ok := ev.(*log.EventEntryAdded); ok && strings.Contains(ev.Entry.Text, "Content Security Policy") {
			violations.Add(1)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	d := hostileDocument(counter.URL)
	openFile(t, ctx, d.WriteHTML)
	time.Sleep(300 * time.Millisecond) // for what would load late
	if n := asked.Load(); n != 0 {
		t.Errorf("the page made %d requests", n)
	}
	if n := violations.Load(); n != 0 {
		t.Errorf("%d violations of the page's policy: something became markup", n)
	}
	n := len(d.Sections)
	for expression, want := range map[string]string{
		"typeof pwned": "undefined",
		"document.querySelectorAll('script,img,svg,iframe,link,object,embed,form').length":                             "0",
		"document.querySelectorAll('section').length":                                                                  fmt.Sprint(n),
		"document.querySelectorAll('nav a').length":                                                                    fmt.Sprint(n),
		"new Set([...document.querySelectorAll('h2')].map(h => h.id)).size":                                            fmt.Sprint(n),
		"[...document.querySelectorAll('main a')].filter(a => a.protocol != 'https:' && a.protocol != 'http:').length": "0",
		"document.querySelector('h1').textContent":                                                                     "<script>pwned=1</script>",
		// The style is one that the policy admits, and the page fits its window.
		"getComputedStyle(document.querySelector('nav ul')).display":                                        "flex",
		"document.documentElement.scrollWidth <= document.documentElement.clientWidth":                      "true",
		"[...document.querySelectorAll('nav a')].every(a => document.querySelector('#' + a.hash.slice(1)))": "true",
	} {
		if got := eval(t, ctx, expression); got != want {
			t.Errorf("%s = %s, want %s", expression, got, want)
		}
	}
}

func TestDocumentForms(t *testing.T) {
	d := &Document{Title: "own", Made: "permcheck catalog show", Intro: "2 rows.", Sections: []Section{
		{Title: "A|b", Columns: []string{"x", "y"}, Rows: [][]Line{{Code("GET /a"), Words("1 < 2")}, {Code("GET /long"), nil}}},
		{Title: "Tree", Tree: []*Branch{{Name: "Profile", Branches: []*Branch{{Name: "READ", About: Words("2 endpoints")}}}}},
		{Title: "Said", Lines: []Line{{{Text: "see "}, {Text: "here", Link: "https://example.com"}}}},
	}}
	var md, text bytes.Buffer
	if err := d.WriteMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	want := "# own\n\n<!-- Made by: permcheck catalog show -->\n\n2 rows.\n\n## A\\|b\n\n| x | y |\n|---|---|\n| `GET /a` | 1 &lt; 2 |\n| `GET /long` |  |\n\n## Said\n\n- see here\n"
	if md.String() != want {
		t.Errorf("markdown:\n%s\nwant\n%s", md.String(), want)
	}
	for i := range d.Sections {
		d.Sections[i].WriteText(&text, NewStyles(false))
	}
	want = "\nA|b\n  GET /a     1 < 2\n  GET /long\n\nTree\n  Profile\n    READ  2 endpoints\n\nSaid\n  see here\n"
	if text.String() != want {
		t.Errorf("text:\n%s\nwant\n%s", text.String(), want)
	}
}

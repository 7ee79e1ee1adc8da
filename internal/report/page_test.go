package report

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/permcheck/permcheck/catalogs"
)

// attacks are texts that run, fetch or break out where they are put into a page unescaped.
// Each would set pwned or ask the server that counts.
func attacks(count string) []string {
	return []string{
		`<script>pwned=1</script>`,
		`</script><script>pwned=1</script>`,
		`<!--<script>`,
		`"><img src=` + count + ` onerror=pwned=1>`,
		`<svg onload=pwned=1>`,
		`javascript:pwned=1`,
		`<iframe srcdoc="<script>parent.pwned=1</script>">`,
		`<link rel=stylesheet href=` + count + `>`,
		`<meta http-equiv=refresh content="0;url=` + count + `">`,
		"\u2028pwned=1//", "\u2029pwned=1//", `\u003cscript>pwned=1`, "`${pwned=1}`", `'-(pwned=1)-'`,
		"&lt;b&gt;", "\x00\x1b[2J", "\xff\xfe", strings.Repeat("wide", 200),
	}
}

func hostilePage(count string) *Page {
	p := &Page{
		Title: "permcheck diff", Headline: "2 weakened", Outcome: Failed, Version: "v1",
		Matrix: &Matrix{Caption: "c", Columns: []string{"reader", "writer"}},
	}
	for i, a := range attacks(count) {
		p.Facts = append(p.Facts, Fact{a, a})
		p.Access = append(p.Access, Access{Who: a, Gains: []string{a}, Loses: []string{a}})
		p.Notes = append(p.Notes, a)
		p.Matrix.Columns = append(p.Matrix.Columns, a)
		p.Matrix.Legend = append(p.Matrix.Legend, Cell{a, ToneBad, a})
		rule := []string{"requirement-weakened", "requirement-strengthened", "endpoint-removed"}[i%3]
		p.Findings = append(p.Findings, &Finding{Rule: rule, Subject: "GET /" + a, Message: a, Was: a, Now: a, Evidence: []string{a}, Fix: a,
			Position: catalogs.Pos{File: a, Line: 1}})
		row := Row{Method: "GET", Path: "/" + a, State: a, Title: a}
		for range p.Matrix.Columns {
			row.Cells = append(row.Cells, Cell{a, Tone(a), a})
		}
		p.Matrix.Rows = append(p.Matrix.Rows, row)
		p.Tables = append(p.Tables, Table{Title: a, Caption: a, Columns: []string{a}, Rows: [][]Cell{{{a, Tone(a), a}}}})
	}
	return p
}

// browser starts a real Chromium.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium on PATH (Debian: apt-get install chromium): the page is not tried in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1280, 900))
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancelAlloc)
	tab, cancelTab := chromedp.NewContext(alloc)
	t.Cleanup(cancelTab)
	ctx, cancel := context.WithTimeout(tab, 90*time.Second)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("%s does not start: %v", path, err)
	}
	return ctx
}

// open writes a page to a file and opens it, as a user does.
func open(t *testing.T, ctx context.Context, p *Page) {
	t.Helper()
	openFile(t, ctx, p.Write)
}

func openFile(t *testing.T, ctx context.Context, write func(io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate("file://"+file), chromedp.WaitReady("footer")); err != nil {
		t.Fatal(err)
	}
}

// eval returns what an expression has in the page, as text.
func eval(t *testing.T, ctx context.Context, expression string) string {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[any](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return fmt.Sprint(v)
}

func TestPageRunsNothingOfWhatItShows(t *testing.T) {
	ctx := browser(t)
	var asked atomic.Int32
	counter := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer counter.Close()
	var violations atomic.Int32
	err := chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page's script fails: %s", ev.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if strings.Contains(ev.Entry.Text, "Content Security Policy") {
				violations.Add(1)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	p := hostilePage(counter.URL)
	open(t, ctx, p)
	time.Sleep(300 * time.Millisecond) // for what would load late
	if got := eval(t, ctx, "typeof pwned"); got != "undefined" {
		t.Error("a text of the report ran")
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the page made %d requests", n)
	}
	if n := violations.Load(); n != 0 {
		t.Errorf("%d violations of the page's policy: something became markup", n)
	}
	for expression, want := range map[string]string{
		"document.querySelectorAll('script').length":                                  "2",
		"document.querySelectorAll('img,svg,iframe,link,object,embed,form,a').length": "0",
		"document.querySelectorAll('details.finding').length":                         fmt.Sprint(len(p.Findings)),
		"document.querySelectorAll('tbody tr').length":                                fmt.Sprint(len(p.Matrix.Rows) + len(p.Tables)),
		"document.querySelector('details.finding .subject').textContent":              "GET /<script>pwned=1</script>",
		"document.title": "permcheck diff: 2 weakened",
	} {
		if got := eval(t, ctx, expression); got != want {
			t.Errorf("%s = %s, want %s", expression, got, want)
		}
	}
	// The policy is not only words: what is added by force is refused.
	eval(t, ctx, `(() => { const s = document.createElement("script"); try { s.text = "pwned=1"; document.body.append(s); } catch {} const i = document.createElement("img"); i.src = "`+counter.URL+`"; document.body.append(i); })()`)
	time.Sleep(300 * time.Millisecond)
	if eval(t, ctx, "typeof pwned") != "undefined" || asked.Load() != 0 {
		t.Error("the page's policy admits other scripts or images")
	}
}

func TestPageIsUsed(t *testing.T) {
	ctx := browser(t)
	p := &Page{Title: "permcheck diff", Headline: "2 weakened, 1 removed", Outcome: Failed, Version: "v1",
		Matrix: &Matrix{Columns: []string{"reader"}, Rows: []Row{
			{"GET", "/jobs", "weakened", "before: A, now: B", []Cell{{"GAINS", ToneBad, ""}}},
			{"DELETE", "/jobs/{id}", "same", "", []Cell{{"no", ToneQuiet, ""}}},
		}},
		Findings: []*Finding{
			{Rule: "requirement-weakened", Subject: "GET /jobs", Was: "A", Now: "B", Message: "m"},
			{Rule: "requirement-strengthened", Subject: "PUT /jobs", Was: "A", Now: "A & B", Message: "m"},
			{Rule: "endpoint-removed", Subject: "POST /old", Was: "C", Message: "m"},
			{Rule: "endpoint-removed", Subject: "POST /older", Was: "C", Message: "m"},
		}}
	p.Tables = []Table{{Title: "Statements", Caption: "two", Columns: []string{"statement", "outcome"}, Rows: [][]Cell{
		{{Text: "a/A1", Title: "https://example.com"}, {"holds", ToneGood, ""}}, {{Text: "a/A2"}, {"weakened", ToneBad, ""}}, {{Text: "a/A3"}, {"observed", ToneQuiet, ""}}}}}
	for i := range 700 {
		tones := []Tone{ToneGood, ToneBad, ToneWarn, ToneQuiet}
		p.Matrix.Rows = append(p.Matrix.Rows, Row{"GET", fmt.Sprintf("/many/%d", i), "same", "", []Cell{{"yes", tones[i%4], ""}}})
	}
	open(t, ctx, p)
	shown := func() string { return eval(t, ctx, "document.querySelector('.count').textContent") }
	expect := func(step, want string) {
		t.Helper()
		if got := shown(); got != want {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
	}
	keys := func(text string) {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.KeyEvent(text)); err != nil {
			t.Fatal(err)
		}
	}
	expect("at first", "702 endpoints, 4 findings")
	if got := eval(t, ctx, "document.querySelectorAll('table:not(.texts) tbody tr').length"); got != "300" {
		t.Errorf("%s rows at first, want a page of 300", got)
	}
	lines := func(step, want string) {
		t.Helper()
		if got := eval(t, ctx, "document.querySelectorAll('table.texts tbody tr').length"); got != want {
			t.Errorf("%s: the table has %s lines, want %s", step, got, want)
		}
	}
	lines("at first", "3")
	// A browser sends no character for a key whose keydown was dealt with.
	slash := func() {
		t.Helper()
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
			if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: "/", Code: "Slash", WindowsVirtualKeyCode: 191}); err != nil {
				t.Fatal(err)
			}
		}
	}
	// All by keyboard: / goes to the filter, Escape clears, Tab and Enter press a button.
	slash()
	keys("weakened")
	expect("filtered", "1 endpoint, 1 finding")
	lines("filtered", "1")
	if got := eval(t, ctx, "document.querySelector('details.finding').open"); got != "true" {
		t.Error("a finding that is left alone is not opened")
	}
	keys(kb.Escape)
	expect("cleared", "702 endpoints, 4 findings")
	keys(kb.Tab)
	if got := eval(t, ctx, "document.activeElement.textContent"); got != "error 1" {
		t.Fatalf("Tab goes to %q", got)
	}
	keys(kb.Enter)
	expect("errors only", "702 endpoints, 1 finding")
	keys(kb.Escape)
	slash()
	keys("delete jobs")
	expect("two words", "1 endpoint, 0 findings")
	if got := eval(t, ctx, "document.querySelector('p.empty:not([hidden])').textContent"); got != "No finding fits the filter." {
		t.Errorf("with nothing left it says %q", got)
	}
	keys(kb.Escape)
	if err := chromedp.Do(ctx, chromedp.Click("tbody button.row")); err != nil {
		t.Fatal(err)
	}
	expect("a row", "1 endpoint, 1 finding")
	keys(kb.Escape)
	// Text has enough contrast in both schemes (WCAG 2.1, 1.4.3: 4.5 to 1).
	for _, scheme := range []string{"light", "dark"} {
		if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
			t.Fatal(err)
		}
		if got := eval(t, ctx, contrast); got != "[]" {
			t.Errorf("%s: too little contrast: %s", scheme, got)
		}
	}
	// A report may have tables and no endpoints.
	p.Matrix = nil
	open(t, ctx, p)
	expect("without endpoints", "4 findings")
	lines("without endpoints", "3")
	// Screenshots are for people; where they go is said by the one who wants them.
	if dir := os.Getenv("PERMCHECK_SCREENSHOTS"); dir != "" {
		shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "page.png"), shot, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// contrast lists the elements whose text is hard to read on their background.
const contrast = `(() => {
  const rgb = (s) => s.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (el) => { for (; el; el = el.parentElement) { const c = rgb(getComputedStyle(el).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const bad = [];
  for (const el of document.querySelectorAll("body *")) {
    if (![...el.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || !el.offsetParent) continue;
    const a = light(rgb(getComputedStyle(el).color)), b = light(behind(el));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(el.tagName + "." + el.className + " " + ratio.toFixed(2));
  }
  return JSON.stringify([...new Set(bad)]);
})()`

// The page is one file that asks for nothing, and without scripts it still says how it
// came out.
func TestPageIsOneFile(t *testing.T) {
	var b bytes.Buffer
	if err := hostilePage("http://" + net.JoinHostPort("127.0.0.1", "9")).Write(&b); err != nil {
		t.Fatal(err)
	}
	head, data, _ := strings.Cut(b.String(), `<script type="application/json" id="report">`)
	data, tail, _ := strings.Cut(data, "</script>")
	for _, c := range []string{"<", ">", "&", "\u2028", "\u2029", "\x1b", "\x00"} {
		if strings.Contains(data, c) {
			t.Errorf("%q stands in the data as it is", c)
		}
	}
	for _, remote := range []string{" src=", " href=", "@import", "url("} {
		if strings.Contains(head, remote) || strings.Contains(strings.ReplaceAll(tail, pageJS, ""), remote) {
			t.Errorf("the page refers to something with %q", remote)
		}
	}
	if !strings.Contains(head, "<noscript>") || !strings.Contains(head, "2 weakened") {
		t.Error("without scripts the page says nothing")
	}
	if strings.Contains(pageJS, "innerHTML") || strings.Contains(pageJS, "eval(") {
		t.Error("the script makes markup of text")
	}
}

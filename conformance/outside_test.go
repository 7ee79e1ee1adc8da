package conformance_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/chromedp/cdproto/log"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

// plain reports whether a request is one of the matrix: nothing about it is special.
func plain(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.RawQuery == "" && r.URL.RawPath == "" && !strings.HasSuffix(r.URL.Path, "/") && !strings.Contains(r.URL.Path, "//") &&
		r.Header.Get("Origin") == "" && r.Header.Get("Cookie") == "" && r.ContentLength <= 0 &&
		!slices.ContainsFunc(headerNames(r.Header), func(name string) bool { return strings.HasPrefix(name, "X-") })
}

func headerNames(h http.Header) (names []string) {
	for name := range h {
		names = append(names, name)
	}
	return names
}

// A server that is right as long as requests are plain, and hostile when experiments ask:
// every run ends, nothing becomes a pass that was not shown, what it says is escaped, and no
// key leaves for another host.
func TestHostileTargetsInExperiments(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short: hostile servers take their time")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var stolen atomic.Value
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen.Store(fmt.Sprint(r.URL, r.Header)) }))
	defer other.Close()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.Copy(z, io.LimitReader(zeros{}, 64<<20)); err != nil {
		t.Fatal(err)
	}
	z.Close()
	servers := map[string]http.HandlerFunc{
		"endless body": func(w http.ResponseWriter, r *http.Request) {
			chunk := bytes.Repeat([]byte(`{"data":[{"id":`), 4096)
			for r.Context().Err() == nil {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"slow headers": func(w http.ResponseWriter, r *http.Request) {
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				defer conn.Close()
				for range 100 {
					if _, err := io.WriteString(conn, "H"); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			}
		},
		"gzip bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(bomb.Bytes())
		},
		"redirect to another host": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/steal", http.StatusTemporaryRedirect)
		},
		"terminal escapes": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "\x1b]0;owned\x07")
			_, _ = io.WriteString(w, "{\"\x1b[2J\":\"\\u001b[31m\",\"data\":[{\"id\":\"\\u202e\\u0007\"}]}")
		},
		"script in JSON": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "</script><script>alert(1)</script>")
			_, _ = io.WriteString(w, `{"<script>alert(1)</script>":"</script>","data":[{"id":"<img src=x onerror=alert(1)>"}]}`)
		},
		"invalid UTF-8": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("{\"data\":[{\"id\":\"\xff\xfe\",\"\xc0\xaf\":\"\xed\xa0\x80\"}]}"))
		},
		"connection reset": func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
			}
		},
		"10,000 headers": func(w http.ResponseWriter, _ *http.Request) {
			for i := range 10_000 {
				w.Header().Set(fmt.Sprintf("Access-Control-%d", i), "x")
			}
		},
		"deep JSON": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat(`{"data":[`, 60_000))
		},
		"a page that is never the last": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"data":[{"id":%d}],"total":-1,"next":"%d"}`, time.Now().UnixNano(), time.Now().UnixNano())
		},
		"huge numbers": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"data":[{"id":1e999999999,"n":`+strings.Repeat("9", 100_000)+`}],"total":1e400}`)
		},
	}
	against := func(hostile http.HandlerFunc) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			b := newBoard()
			began := time.Now()
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if plain(r) {
					b.ServeHTTP(w, r)
					return
				}
				hostile(w, r)
			})
			srv := httptest.NewServer(handler)
			defer srv.Close()
			r, _ := reportOfBoard(t, b, nil, conformance.Target{Base: parse(t, srv.URL), Limits: conformance.Limits{Timeout: time.Second, Connections: 16}})
			if took := time.Since(began); took > 60*time.Second {
				t.Errorf("the run took %s", took)
			}
			if r.Answers.Cut != "" {
				t.Errorf("cut short: %s", r.Answers.Cut)
			}
			for _, format := range conformance.Formats {
				var out bytes.Buffer
				if err := r.Write(&out, format, report.NewStyles(false)); err != nil {
					t.Fatalf("%s: %v", format, err)
				}
				text := out.String()
				if strings.ContainsAny(text, "\x1b\x07\u202e") || !utf8.ValidString(text) || strings.Contains(text, "-secret\"") || strings.Contains(text, "Bearer full-") {
					t.Errorf("%s holds what it must not", format)
				}
				if format == "html" && (strings.Count(text, "<script") != 2 || strings.Contains(text, "<img")) {
					t.Errorf("markup of the server is in the page")
				}
				if format == "json" && !json.Valid(out.Bytes()) {
					t.Errorf("this is no JSON")
				}
				if out.Len() > 32<<20 {
					t.Errorf("%s has %d bytes", format, out.Len())
				}
			}
		}
	}
	t.Run("servers", func(t *testing.T) {
		for name, hostile := range servers {
			t.Run(name, against(hostile))
		}
	})
	if got := stolen.Load(); got != nil {
		t.Errorf("the other host was called: %v", got)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grew := int64(after.HeapAlloc) - int64(before.HeapAlloc); grew > 64<<20 {
		t.Errorf("%d MB are held after the runs", grew>>20)
	}
}

// hostileIDs are path parameters whose values came from the target.
type hostileIDs struct{ id string }

func (h hostileIDs) Params(context.Context, string, string, bool) (conformance.Params, error) {
	return conformance.Params{Values: map[string]string{"id": h.id}, Shared: true}, nil
}

// In a real browser nothing of what a server said runs, loads or breaks out of the page, and
// the page shows what it is to show.
func TestPageInBrowser(t *testing.T) {
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
	var asked atomic.Int32
	counter := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer counter.Close()
	attack := `"><script>pwned=1</script><img src=` + counter.URL + ` onerror=pwned=1></script><svg onload=pwned=1>`
	b := newBoard()
	b.cors, b.slashOpen, b.leaksField = true, true, true
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Build", attack)
		w.Header().Set("Access-Control-"+"Expose-Headers", attack)
		if strings.HasPrefix(r.URL.Path, "/jobs/") && strings.Contains(r.URL.Path, "pwned") {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"id":%q,%q:%q}`, attack, attack, attack)
			return
		}
		b.ServeHTTP(w, r)
	})
	srv := httptest.NewServer(handler)
	defer srv.Close()
	r, _ := reportOfBoard(t, b, nil, conformance.Target{Base: parse(t, srv.URL), BuildHeader: "X-Build", Objects: hostileIDs{attack}})
	r.Left = append(r.Left, attack)
	r.Tool = "v1"
	if len(r.Findings()) == 0 {
		t.Fatal("nothing was found: there is nothing to show")
	}
	var page bytes.Buffer
	if err := r.Write(&page, "html", report.NewStyles(false)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, page.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1280, 1400))
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancelAlloc()
	tab, cancelTab := chromedp.NewContext(alloc)
	defer cancelTab()
	ctx, cancel := context.WithTimeout(tab, 120*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("%s does not start: %v", path, err)
	}
	var violations, failures atomic.Int32
	err := chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *cdpruntime.EventExceptionThrown:
			failures.Add(1)
		case *log.EventEntryAdded:
			if strings.Contains(ev.Entry.Text, "Content Security Policy") {
				violations.Add(1)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate("file://"+file), chromedp.WaitReady("footer"), chromedp.Sleep(300*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	eval := func(expression string) string {
		t.Helper()
		v, err := chromedp.Run(ctx, chromedp.Evaluate[any](expression))
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		return fmt.Sprint(v)
	}
	if eval("typeof pwned") != "undefined" || asked.Load() != 0 || violations.Load() != 0 || failures.Load() != 0 {
		t.Errorf("pwned is %s, %d requests, %d violations, %d exceptions", eval("typeof pwned"), asked.Load(), violations.Load(), failures.Load())
	}
	if got := eval("document.querySelector('.headline').textContent"); got != r.FirstLine() {
		t.Errorf("the headline is %q", got)
	}
	if got, want := eval("document.querySelectorAll('tbody tr').length"), fmt.Sprint(len(r.Plan.Rows)); got != want {
		t.Errorf("%s rows, the plan has %s", got, want)
	}
	if got, want := eval("document.querySelectorAll('details.finding').length"), fmt.Sprint(len(r.Findings())); got != want {
		t.Errorf("%s findings, expected %s", got, want)
	}
	text := eval("document.body.textContent")
	for _, want := range append([]string{"Why it matters:", "Next:", "curl -i", "API8:2023", "catalog hash", attack}, r.Findings()[0].Curl) {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if shots := os.Getenv("PERMCHECK_SCREENSHOT"); shots != "" {
		shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err == nil {
			err = os.WriteFile(shots, shot, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if got := eval("[...document.querySelectorAll('th button')].find(b => b.textContent.includes('/jobs')).click(), document.querySelectorAll('tbody tr').length"); got == fmt.Sprint(len(r.Plan.Rows)) {
		t.Error("a click on an endpoint filters nothing")
	}
}

// Bodies and the archive hold what was said, and no secret; only their owner can read them.
func TestTapes(t *testing.T) {
	dir := t.TempDir()
	bodies := filepath.Join(dir, "bodies")
	folder, err := conformance.NewBodyFolder(bodies)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conformance.NewBodyFolder(bodies); err == nil {
		t.Error("another run's folder is taken over")
	}
	archive := filepath.Join(dir, "run.har")
	if err := os.WriteFile(archive, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	har, err := conformance.NewHAR(archive, "v1")
	if err != nil {
		t.Fatal(err)
	}
	b := newBoard()
	b.cors = true
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session=full-secret-of-a-session")
		if r.URL.Path == "/me" { // a server that repeats what it was sent, and gives away tokens
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"you":%q,"refresh_token":"rt-5a1c9","nested":{"ApiKey" : "ak-7731"}}`, r.Header.Get("Authorization"))
			return
		}
		b.ServeHTTP(w, r)
	})
	srv := httptest.NewServer(handler)
	defer srv.Close()
	r, _ := reportOfBoard(t, b, nil, conformance.Target{Base: parse(t, srv.URL), Tape: conformance.Tapes{folder, har}})
	if err := folder.Close(); err != nil {
		t.Fatal(err)
	}
	if err := har.Close(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	files := 0
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		data, err := os.ReadFile(path)
		all.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"full-secret", "reader-secret", "none-secret", "minted-secret", "rt-5a1c9", "ak-7731"} {
		if i := strings.Index(all.String(), secret); i >= 0 {
			t.Errorf("%q is in %q", secret, all.String()[max(0, i-200):i+len(secret)])
		}
	}
	if !strings.Contains(all.String(), "Job number") || !strings.Contains(all.String(), "Bearer $PC_FULL") {
		t.Error("what was said is not there")
	}
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Log struct {
			Version string
			Entries []struct {
				Request  struct{ Method, URL string }
				Response struct{ Status int }
			}
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil || doc.Log.Version != "1.2" || int64(len(doc.Log.Entries)) != r.Requests {
		t.Errorf("%v, version %q, %d entries of %d requests", err, doc.Log.Version, len(doc.Log.Entries), r.Requests)
	}
	kept := 0
	for _, o := range r.Answers.Observations {
		if o.File != "" {
			kept++
			if _, err := os.Stat(filepath.Join(bodies, o.File)); err != nil {
				t.Error(err)
			}
		}
	}
	if kept == 0 || files < kept {
		t.Errorf("%d files, %d of them named by answers", files, kept)
	}
}

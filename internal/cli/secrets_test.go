package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Secrets of the keys below. The reader's has characters that every format escapes.
const (
	fullSecret   = "full-Key/1234567890+ab"
	readerSecret = `read&er<"key'>\9876543210`
)

// spellings are ways in which a server says a secret again.
var spellings = map[string]func(string) string{
	"raw":           func(s string) string { return s },
	"path":          url.PathEscape,
	"query":         url.QueryEscape,
	"percent":       func(s string) string { return everyByte(s, "%%%02X") },
	"percent lower": func(s string) string { return everyByte(s, "%%%02x") },
	"percent some":  func(s string) string { return s[:2] + everyByte(s[2:5], "%%%02x") + s[5:] },
	"percent twice": func(s string) string { return url.PathEscape(everyByte(s, "%%%02x")) },
	"json slash":    func(s string) string { return strings.ReplaceAll(s, "/", `\/`) },
	"json":          func(s string) string { b, _ := json.Marshal(s); return string(b[1 : len(b)-1]) },
	"json u":        func(s string) string { return everyByte(s, `\u%04x`) },
	"json U":        func(s string) string { return everyByte(s, `\u%04X`) },
	"html":          html.EscapeString,
	"html decimal":  func(s string) string { return everyByte(s, "&#%d;") },
	"html hex":      func(s string) string { return everyByte(s, "&#x%02x;") },
	"base64":        func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 raw":    func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64url":     func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"basic":         func(s string) string { return base64.StdEncoding.EncodeToString([]byte("root:" + s)) },
	"basic url":     func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("me:" + s)) },
	"base64 within": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("xx" + s + "yyy")) },
	"hex":           func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":           func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"reversed":      func(s string) string { r := []rune(s); slices.Reverse(r); return string(r) },
	"upper":         strings.ToUpper,
	"lower":         strings.ToLower,
}

func everyByte(s, format string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}

// A parrot is a server whose records have secrets as ids, and which says secrets again in bodies,
// headers and addresses: each in every spelling that it is given.
type parrot struct {
	spell []func(string) string
	evil  string // put beside them
}

func (p *parrot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	known := key == fullSecret || key == readerSecret
	body := map[string]any{"name": p.evil + "the name of it"}
	var items []any
	for i, spell := range p.spell {
		for j, secret := range []string{fullSecret, readerSecret} {
			said := spell(secret)
			body[fmt.Sprintf("m%d%d", i, j)], body[said] = said, p.evil
			items = append(items, map[string]any{"id": said, "name": said + p.evil, said: 1})
			w.Header().Add("X-Again", said)
			w.Header().Add("Vary", said)
			w.Header().Add("WWW-Authenticate", "Bearer realm="+said)
			w.Header().Set("Location", "/keys/"+said)
			w.Header().Set("X-Build", said+strings.NewReplacer("\x7f", "", "\x1b", "").Replace(p.evil))
			w.Header().Set("Access-Control-Allow-Origin", "https://"+said)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case !known:
		w.WriteHeader(401)
	case r.URL.Path == "/keys" && key == readerSecret:
		w.WriteHeader(403)
	case r.URL.Path == "/keys":
		body = map[string]any{"items": items}
	case !strings.HasPrefix(r.URL.Path, "/keys/"):
		w.WriteHeader(404)
	}
	_ = json.NewEncoder(w).Encode(body)
}

const parrotCatalog = `permcheck: catalog/1
name: parrot
permissions: {keys:read: }
refused: {anonymous: 401, forbidden: 403}
endpoints:
  GET /keys: {requires: keys:read, lists: key}
  GET /keys/{id}: {requires: keys:read, gets: key}
`

const parrotProfile = `permcheck: probe/1
writes: none
build: header X-Build
keys:
  full: {grants: all, secret: env:K_FULL}
  none: {grants: none, secret: env:K_NONE}
`

// parrotFiles writes the catalog and the profile and returns their names.
func parrotFiles(t *testing.T) (catalog, profile string) {
	t.Helper()
	t.Setenv("K_FULL", fullSecret)
	t.Setenv("K_NONE", readerSecret)
	dir := t.TempDir()
	catalog, profile = filepath.Join(dir, "catalog.yaml"), filepath.Join(dir, "probe.yaml")
	for file, text := range map[string]string{catalog: parrotCatalog, profile: parrotProfile} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return catalog, profile
}

func cliRun(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), code
}

// tells says which form of which secret a text holds; empty: none.
func tells(text string) string {
	views := []string{strings.ToLower(text), strings.ToLower(html.UnescapeString(text)), strings.ToLower(strings.ReplaceAll(text, `\/`, "/"))}
	for name, spell := range spellings {
		for _, secret := range []string{fullSecret, readerSecret} {
			said := strings.ToLower(spell(secret))
			if strings.HasPrefix(name, "base") { // without what others share its ends with
				said = said[:len(said)-4]
			}
			for _, v := range views {
				if i := strings.Index(v, said); i >= 0 {
					return fmt.Sprintf("%s: ...%s...", name, v[max(0, i-120):min(len(v), i+len(said)+40)])
				}
			}
		}
	}
	return ""
}

func checkSafe(t *testing.T, what, text string) {
	t.Helper()
	if said := tells(text); said != "" {
		t.Errorf("%s holds a secret as %s", what, said)
	}
	for _, r := range text {
		if r >= 0x7f && r <= 0x9f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x61c || r < ' ' && r != '\n' && r != '\t' && r != '\r' {
			t.Errorf("%s holds the character %U", what, r)
			break
		}
	}
}

// controls are characters that change how a terminal or a page shows what stands around them.
const controls = "\u202e\u2066\u200f\u061c\u0085\u009b\x7f\x1b[31m</script>\u2028\u2029"

// Every format, and every file that a run leaves, for a server that says secrets again in one way.
func TestNoSecretInAnyFormat(t *testing.T) {
	catalog, profile := parrotFiles(t)
	formats := []string{"text", "json", "html", "sarif", "junit", "github", "markdown"}
	all := &parrot{evil: controls}
	for name := range spellings {
		all.spell = append(all.spell, spellings[name])
	}
	servers := map[string]*parrot{"all": all}
	for name, spell := range spellings {
		servers[name] = &parrot{spell: []func(string) string{spell}, evil: controls}
	}
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(server)
			defer srv.Close()
			for i, format := range formats {
				if name != "all" && format != "json" && format != formats[len(name)%len(formats)] {
					continue // one way is tried in two formats, all of them in all
				}
				dir := t.TempDir()
				har, bodies, journal := filepath.Join(dir, "run.har"), filepath.Join(dir, "bodies"), filepath.Join(dir, "journal")
				args := []string{"probe", catalog, "--target", srv.URL, "--rate", "100000", "--profile", profile, "--format", format, "--har", har, "--evidence", "full", "--evidence-dir", bodies,
					"--journal", journal, "--ledger", filepath.Join(dir, "ledger")}
				out, errs, code := cliRun(t, args...)
				if code > exitFailed || out == "" {
					t.Fatalf("%s: exit %d: %s", format, code, errs)
				}
				checkSafe(t, format, out)
				checkSafe(t, format+", standard error", errs)
				checkFormat(t, format, out)
				if i == 1 {
					checkFiles(t, har, bodies)
					checkVerified(t, catalog, out)
				}
			}
		})
	}
}

// checkFormat looks whether an output is what its format asks for.
func checkFormat(t *testing.T, format, out string) {
	t.Helper()
	switch format {
	case "json", "sarif":
		if !json.Valid([]byte(out)) {
			t.Errorf("%s is no JSON", format)
		}
	case "junit":
		dec := xml.NewDecoder(strings.NewReader(out))
		for {
			if _, err := dec.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Errorf("no XML: %v", err)
				break
			}
		}
	case "html":
		if n := strings.Count(out, "</script>"); n != 2 {
			t.Errorf("the page has %d ends of scripts", n)
		}
	}
}

// checkFiles looks at what a run keeps besides its report.
func checkFiles(t *testing.T, har, bodies string) {
	t.Helper()
	text, err := os.ReadFile(har)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) {
		t.Error("the archive is no JSON")
	}
	checkSafe(t, "the archive", string(text))
	files, err := filepath.Glob(filepath.Join(bodies, "*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files of bodies, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if said := tells(string(data)); said != "" {
			t.Errorf("%s holds a secret as %s", filepath.Base(file), said)
		}
		if strings.HasSuffix(file, ".body") && !json.Valid(data) {
			t.Errorf("%s is no JSON any more: %.200s", filepath.Base(file), data)
		}
	}
}

// checkVerified looks whether a report without secrets still follows from its evidence.
func checkVerified(t *testing.T, catalog, report string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "probe.json")
	if err := os.WriteFile(file, []byte(report), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := cliRun(t, "report", "verify", file, "--catalog", catalog); code != exitOK {
		t.Errorf("verify: exit %d: %s%s", code, out, errs)
	}
	for _, format := range []string{"text", "html", "junit"} {
		out, errs, _ := cliRun(t, "report", "convert", file, "--catalog", catalog, "--format", format)
		checkSafe(t, "the report converted to "+format, out+errs)
	}
}

// Shards that are merged say what the whole run says, though each was written without secrets.
func TestShardsWithoutSecretsMerge(t *testing.T) {
	catalog, profile := parrotFiles(t)
	srv := httptest.NewServer(&parrot{spell: []func(string) string{spellings["raw"], spellings["base64"]}})
	defer srv.Close()
	dir := t.TempDir()
	args := []string{"report", "merge", "--catalog", catalog, "--format", "json"}
	for k := 1; k <= 2; k++ {
		out, errs, _ := cliRun(t, "probe", catalog, "--target", srv.URL, "--rate", "100000", "--profile", profile, "--format", "json", "--shard", fmt.Sprintf("%d/2", k), "--ledger", filepath.Join(dir, "ledger"))
		file := filepath.Join(dir, fmt.Sprintf("shard-%d.json", k))
		if out == "" {
			t.Fatal(errs)
		}
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	out, errs, code := cliRun(t, args...)
	if code > exitFailed || !json.Valid([]byte(out)) {
		t.Fatalf("merge: exit %d: %s", code, errs)
	}
	checkSafe(t, "the merged report", out+errs)
	checkVerified(t, catalog, out)
}

// An address with a password is refused, and not repeated.
func TestNoSecretOfTheAddress(t *testing.T) {
	catalog, profile := parrotFiles(t)
	for _, address := range []string{"http://me:hunter2hunter2@127.0.0.1:1", "http://hunter2hunter2@127.0.0.1:1", "http://me:hunter2hunter2@127.0.0.1:x", "ftp://me:hunter2hunter2@h",
		"http://me:hunter2/hunter2@127.0.0.1:1", "http://me:hunter2%20hunter2@127.0.0.1:zz/"} {
		out, errs, code := cliRun(t, "probe", catalog, "--target", address, "--rate", "100000", "--profile", profile)
		if code != exitFailed || strings.Contains(out+errs, "hunter2") {
			t.Errorf("%s: exit %d: %s%s", address, code, out, errs)
		}
	}
}

// A short secret is replaced as a word of its own alone, with a warning; the words of the catalog stay.
func TestShortSecretIsAWord(t *testing.T) {
	catalog, profile := parrotFiles(t)
	t.Setenv("K_NONE", "read")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("WWW-Authenticate", "Bearer realm="+key)
		if key != fullSecret && key != "read" {
			w.WriteHeader(401)
		}
		fmt.Fprintf(w, `{"items":[{"id":"read"},{"id":"already"}]}`)
	}))
	defer srv.Close()
	out, errs, _ := cliRun(t, "probe", catalog, "--target", srv.URL, "--rate", "100000", "--profile", profile, "--format", "json", "--ledger", filepath.Join(t.TempDir(), "ledger"))
	if strings.Count(errs, "warning: 1 secret of less than 8 characters (K_NONE)") != 1 {
		t.Errorf("the warning is missing: %s", errs)
	}
	for _, want := range []string{"keys:read", "realm=[secret:K_NONE]"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %s", want)
		}
	}
	for _, not := range []string{"realm=read", "/keys/read"} {
		if strings.Contains(out, not) {
			t.Errorf("the report has %s", not)
		}
	}
	checkVerified(t, catalog, out)
}

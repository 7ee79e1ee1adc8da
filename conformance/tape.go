package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/permcheck/permcheck/internal/report"
)

// A Tape takes down every request of a run and its answer, for people who want to see more
// than a report says. Secrets have been replaced in what it is given. It may be used
// concurrently.
type Tape interface {
	// Take takes down one exchange and returns the name of the file that the answer's body is
	// in; empty: none.
	Take(t *Taped) (file string)
}

// A Taped is one exchange on a [Tape].
type Taped struct {
	At        time.Time
	Took      time.Duration
	Method    string
	URL       string
	Header    http.Header
	Body      []byte
	Status    int // 0: no answer came
	Answered  http.Header
	Answer    []byte // at most the bound on answers
	Truncated bool
	Problem   string // why no answer came
}

// hiddenValue stands for what must not be shown.
const hiddenValue = "$PC_HIDDEN"

// secretMember finds the members of a JSON body that hold secrets, going by their names.
var secretMember = regexp.MustCompile(`(?i)("[a-z0-9_-]*(?:secret|token|passw|credential|api_?key)[a-z0-9_-]*"\s*:\s*)"(?:[^"\\]|\\.)*"`)

// tape hands an exchange to the run's tape, without any secret.
func (r *runner) tape(x *exchange, t *Taped) string {
	if r.target.Tape == nil {
		return ""
	}
	r.learnShown(&x.cred)
	clean := r.secrets.Text
	body := func(b []byte) []byte {
		return secretMember.ReplaceAll(r.secrets.JSON(b), []byte(`${1}"`+strings.ReplaceAll(hiddenValue, "$", "$$")+`"`))
	}
	header := func(h http.Header) http.Header {
		out := http.Header{}
		for name, values := range h {
			for _, v := range values {
				shown := clean(v)
				switch name {
				case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", http.CanonicalHeaderKey(x.cred.Header):
					// What else stands there may be a part of a secret, or made of one.
					if shown = hiddenValue; v == x.cred.value(x.cred.Secret) {
						shown = x.cred.value("$" + x.cred.Env)
					}
				}
				out[clean(name)] = append(out[clean(name)], shown)
			}
		}
		return out
	}
	t.URL, t.Problem = clean(t.URL), clean(t.Problem)
	if u, err := url.Parse(t.URL); err == nil && x.cred.Query != "" && u.Query().Has(x.cred.Query) {
		q := u.Query()
		q.Set(x.cred.Query, "$"+x.cred.Env)
		u.RawQuery = q.Encode()
		t.URL = u.String()
	}
	t.Header, t.Answered = header(t.Header), header(t.Answered)
	t.Body, t.Answer = body(t.Body), body(t.Answer)
	return r.target.Tape.Take(t)
}

// Tapes are several tapes as one. The name of a file is the first that any of them says.
type Tapes []Tape

// Take hands an exchange to each tape.
func (ts Tapes) Take(t *Taped) string {
	file := ""
	for _, tape := range ts {
		if name := tape.Take(t); file == "" {
			file = name
		}
	}
	return file
}

// A BodyFolder is a tape that keeps the bodies of answers as files, readable by their owner
// only, and a list of all exchanges in index.jsonl.
type BodyFolder struct {
	mu     sync.Mutex
	dir    string
	index  *os.File
	n      int
	failed error
}

// NewBodyFolder makes the folder, which must not hold another run's bodies.
func NewBodyFolder(dir string) (*BodyFolder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	index, err := os.OpenFile(filepath.Join(dir, "index.jsonl"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &BodyFolder{dir: dir, index: index}, nil
}

// Take writes the body of an answer.
func (f *BodyFolder) Take(t *Taped) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	line := struct {
		At      time.Time `json:"at"`
		Method  string    `json:"method"`
		URL     string    `json:"url"`
		Sent    string    `json:"sent,omitempty"`
		Status  int       `json:"status"`
		Problem string    `json:"problem,omitempty"`
		File    string    `json:"file,omitempty"`
	}{t.At, t.Method, t.URL, string(t.Body), t.Status, t.Problem, ""}
	if len(t.Answer) > 0 {
		line.File = fmt.Sprintf("%07d.body", f.n)
		f.note(os.WriteFile(filepath.Join(f.dir, line.File), t.Answer, 0o600))
	}
	data, err := json.Marshal(line)
	f.note(err)
	_, err = f.index.Write(append(report.PlainJSON(data), '\n'))
	f.note(err)
	return line.File
}

func (f *BodyFolder) note(err error) {
	if f.failed == nil {
		f.failed = err
	}
}

// Close ends the folder and returns the first thing that went wrong.
func (f *BodyFolder) Close() error {
	f.note(f.index.Close())
	return f.failed
}

// A HAR is a tape that writes an HTTP archive (HAR 1.2), as browsers and proxies read it. The
// file is readable by its owner only.
type HAR struct {
	mu     sync.Mutex
	file   *os.File
	out    *bufio.Writer
	n      int
	failed error
}

// NewHAR makes the file. version is permcheck's.
func NewHAR(path, version string) (*HAR, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil { // it may have been there before
		f.Close()
		return nil, err
	}
	h := &HAR{file: f, out: bufio.NewWriter(f)}
	creator, err := json.Marshal(map[string]string{"name": "permcheck", "version": version})
	if err != nil {
		return nil, err
	}
	_, h.failed = fmt.Fprintf(h.out, `{"log":{"version":"1.2","creator":%s,"entries":[`, creator)
	return h, nil
}

type harPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func harHeader(h http.Header) []harPair {
	out := []harPair{}
	for _, name := range headerNames(h) {
		for _, v := range h[name] {
			out = append(out, harPair{name, v})
		}
	}
	return out
}

// Take writes an entry.
func (h *HAR) Take(t *Taped) string {
	query := []harPair{}
	if u, err := url.Parse(t.URL); err == nil {
		q := u.Query()
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for name := range q {
				if !yield(name) {
					return
				}
			}
		}) {
			for _, v := range q[name] {
				query = append(query, harPair{name, v})
			}
		}
	}
	ms := float64(t.Took.Microseconds()) / 1000
	request := map[string]any{"method": t.Method, "url": t.URL, "httpVersion": "HTTP/1.1", "cookies": []any{}, "headers": harHeader(t.Header),
		"queryString": query, "headersSize": -1, "bodySize": len(t.Body)}
	if len(t.Body) > 0 {
		request["postData"] = map[string]any{"mimeType": t.Header.Get("Content-Type"), "text": string(t.Body)}
	}
	content := map[string]any{"size": len(t.Answer), "mimeType": t.Answered.Get("Content-Type")}
	if utf8.Valid(t.Answer) {
		content["text"] = string(t.Answer)
	} else {
		content["text"], content["encoding"] = t.Answer, "base64" // bytes are base64 in JSON
	}
	if t.Truncated {
		content["comment"] = "longer than what is read"
	}
	entry := map[string]any{
		"startedDateTime": t.At.UTC().Format(time.RFC3339Nano), "time": ms, "request": request, "cache": map[string]any{},
		"response": map[string]any{"status": t.Status, "statusText": http.StatusText(t.Status), "httpVersion": "HTTP/1.1", "cookies": []any{},
			"headers": harHeader(t.Answered), "content": content, "redirectURL": t.Answered.Get("Location"), "headersSize": -1, "bodySize": len(t.Answer), "comment": t.Problem},
		"timings": map[string]float64{"send": 0, "wait": ms, "receive": 0},
	}
	data, err := json.Marshal(entry)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n++; h.n > 1 && err == nil {
		err = h.out.WriteByte(',')
	}
	if err == nil {
		_, err = h.out.Write(append(report.PlainJSON(data), '\n'))
	}
	if h.failed == nil {
		h.failed = err
	}
	return ""
}

// Close ends the archive and returns the first thing that went wrong.
func (h *HAR) Close() error {
	_, err := h.out.WriteString("]}}\n")
	for _, e := range []error{err, h.out.Flush(), h.file.Close()} {
		if h.failed == nil {
			h.failed = e
		}
	}
	return h.failed
}

package grants

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// Bounds on what is read.
const (
	maxLine  = 64 << 10
	maxCalls = 1_000_000
	maxInput = 1 << 30
)

// A Call is one request that an integration makes.
type Call struct {
	Method string
	Host   string // empty: not said
	Path   string // escaped, without the query
	// Status is how it was answered; 0: not said.
	Status int
	// Members are the JSON members that the answer showed, as dotted paths from the
	// object they stand in; nil where no answer was recorded.
	Members map[string]bool
	Pos     string // file:line, or file and the number of the HAR entry
}

func (c *Call) String() string { return c.Method + " " + c.Path }

// ReadCalls reads a list of calls: a HAR file ([HAR 1.2]), or text with a call a line,
// such as "GET /positions/17" or "GET https://api.example.com/positions?limit=5".
// In text, empty lines and lines that begin with # are skipped; every mistake is reported,
// up to ten. Preflight requests of browsers are left out.
//
// [HAR 1.2]: http://www.softwareishard.com/blog/har-12-spec/
func ReadCalls(file string, r io.Reader) ([]Call, error) {
	limited := &io.LimitedReader{R: r, N: maxInput + 1}
	in := bufio.NewReaderSize(limited, maxLine)
	if bom, _ := in.Peek(3); string(bom) == "\uFEFF" {
		_, _ = in.Discard(3)
	}
	read := readText
	if first, _ := in.Peek(512); bytes.HasPrefix(bytes.TrimLeft(first, " \t\r\n"), []byte("{")) {
		read = readHAR
	}
	calls, err := read(file, in)
	switch {
	case limited.N <= 0:
		return nil, fmt.Errorf("%s is larger than 1 GB: give the part that matters", file)
	case err != nil:
		return nil, err
	case len(calls) == 0:
		return nil, fmt.Errorf("%s has no calls: write one a line, such as GET /positions/17, or export a HAR file", file)
	}
	return calls, nil
}

func readText(file string, in *bufio.Reader) ([]Call, error) {
	var calls []Call
	var mistakes []error
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, maxLine)
	n := 0
	for scan.Scan() {
		n++
		line := strings.TrimSpace(scan.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pos := fmt.Sprintf("%s:%d", file, n)
		call, err := parseCall(line)
		switch {
		case err != nil && len(mistakes) == 10:
			return nil, errors.Join(append(mistakes, errors.New("and more"))...)
		case err != nil:
			mistakes = append(mistakes, fmt.Errorf("%s:1: %w", pos, err))
		case len(calls) == maxCalls:
			return nil, fmt.Errorf("%s has more than %d calls: each kind of call is needed once", file, maxCalls)
		case call.Method != "OPTIONS":
			call.Pos = pos
			calls = append(calls, call)
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d:1: %w: expected a call a line, such as GET /positions/17", file, n+1, err)
	}
	return calls, errors.Join(mistakes...)
}

func parseCall(line string) (Call, error) {
	words := strings.Fields(line)
	if len(words) != 2 {
		return Call{}, fmt.Errorf("found %s: expected a method and a path, such as GET /positions/17", excerpt(line))
	}
	method, err := catalogs.ParseMethod(words[0])
	if err != nil || method == catalogs.AnyMethod {
		return Call{}, fmt.Errorf("%s is not an HTTP method: expected a call such as GET /positions/17", excerpt(words[0]))
	}
	host, path, err := splitURL(words[1])
	return Call{Method: method, Host: host, Path: path}, err
}

// splitURL takes a path, or an address of http or https, apart.
func splitURL(text string) (host, path string, err error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Opaque != "", u.Host == "" && !strings.HasPrefix(text, "/"), u.Host != "" && u.Scheme != "http" && u.Scheme != "https":
		return "", "", fmt.Errorf("%s is not a path: expected one such as /positions/17, or an address of http or https", excerpt(text))
	}
	if path = u.EscapedPath(); path == "" {
		path = "/"
	}
	return u.Host, path, nil
}

// harEntry is what is read of an entry; the format has much more.
type harEntry struct {
	Request struct {
		Method string `json:"method"`
		URL    string `json:"url"`
	} `json:"request"`
	Response struct {
		Status  int `json:"status"`
		Content struct {
			Text     string `json:"text"`
			Encoding string `json:"encoding"`
		} `json:"content"`
	} `json:"response"`
}

// readHAR reads log.entries one at a time, so that a large file takes little memory.
func readHAR(file string, in *bufio.Reader) ([]Call, error) {
	dec := json.NewDecoder(in)
	bad := func(err error) error {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the file ends in the middle")
		}
		return fmt.Errorf("%s: byte %d: %w: expected a HAR file, {\"log\": {\"entries\": [...]}}", file, dec.InputOffset(), err)
	}
	var calls []Call
	found := false
	err := eachMember(dec, func(name string) error {
		if name != "log" {
			return skip(dec)
		}
		return eachMember(dec, func(name string) error {
			if name != "entries" {
				return skip(dec)
			}
			found = true
			if t, err := dec.Token(); err != nil || t != json.Delim('[') {
				return errors.Join(err, errors.New("log.entries is not a list"))
			}
			for n := 1; dec.More(); n++ {
				var e harEntry
				if err := dec.Decode(&e); err != nil {
					return fmt.Errorf("entry %d: %w", n, err)
				}
				call, ok, err := e.call()
				if err != nil {
					return fmt.Errorf("entry %d: %w", n, err)
				}
				if ok {
					if len(calls) == maxCalls {
						return fmt.Errorf("more than %d calls", maxCalls)
					}
					call.Pos = fmt.Sprintf("%s: entry %d", file, n)
					calls = append(calls, call)
				}
			}
			_, err := dec.Token()
			return err
		})
	})
	switch {
	case err != nil:
		return nil, bad(err)
	case !found:
		return nil, bad(errors.New("there is no log.entries"))
	}
	return calls, nil
}

// eachMember reads a JSON object and calls f after each member's name; f reads the value.
func eachMember(dec *json.Decoder, f func(name string) error) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("found %v, which is no object", t)
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if err := f(name); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

func skip(dec *json.Decoder) error {
	var v json.RawMessage
	return dec.Decode(&v)
}

// call turns an entry into a call. Requests of other protocols (data:, ws:) and
// preflights are none.
func (e *harEntry) call() (Call, bool, error) {
	method, err := catalogs.ParseMethod(e.Request.Method)
	if err != nil || method == catalogs.AnyMethod {
		return Call{}, false, fmt.Errorf("request.method %s is not an HTTP method", excerpt(e.Request.Method))
	}
	u, err := url.Parse(e.Request.URL)
	if err != nil {
		return Call{}, false, fmt.Errorf("request.url %s is not an address", excerpt(e.Request.URL))
	}
	if method == "OPTIONS" || u.Scheme != "http" && u.Scheme != "https" {
		return Call{}, false, nil
	}
	host, path, err := splitURL(e.Request.URL)
	if err != nil {
		return Call{}, false, err
	}
	c := Call{Method: method, Host: host, Path: path, Status: e.Response.Status}
	var body any
	if text := e.Response.Content.Text; e.Response.Content.Encoding == "" && json.Unmarshal([]byte(text), &body) == nil {
		c.Members = map[string]bool{}
		collect(body, c.Members)
	}
	return c, true, nil
}

// collect adds the dotted paths of all members, seen from every object they stand in.
func collect(v any, into map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			collect(e, into)
		}
	case map[string]any:
		for name, member := range v {
			paths(name, member, into)
			collect(member, into)
		}
	}
}

func paths(prefix string, v any, into map[string]bool) {
	into[prefix] = true
	if m, ok := v.(map[string]any); ok && strings.Count(prefix, ".") < 3 {
		for name, member := range m {
			paths(prefix+"."+name, member, into)
		}
	}
}

// excerpt quotes a text of the input, cut short.
func excerpt(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

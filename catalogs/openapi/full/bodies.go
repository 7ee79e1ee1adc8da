package full

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/permcheck/permcheck/catalogs"
)

// Made are the bodies of a document's operations.
type Made struct {
	// Bodies are those that can be sent, by the key of [catalogs.EndpointKey] for the path
	// as it is written and for its path below that of the first server.
	Bodies map[string]any
	// Doubts are about operations with a JSON body for which none that fits its schema
	// could be made, in the order of paths and methods.
	Doubts []Doubt
}

// A Doubt says why an operation has no body, or one that was not checked.
type Doubt struct {
	Method, Path string
	Why          string
}

func (d Doubt) String() string { return d.Method + " " + d.Path + ": " + d.Why }

// bodyMethods are the methods whose requests may have a body.
var bodyMethods = []string{"delete", "get", "patch", "post", "put"}

// Bodies makes a JSON body for each operation that takes one: an example of the document
// that fits the schema, else one made from the schema with its required members. Every body
// was checked against its schema; where that is not possible a doubt says why. Only
// references within the document are followed.
func Bodies(file string, data []byte) (*Made, error) {
	r, err := parseRaw(file, data)
	if err != nil {
		return nil, err
	}
	asked := r.asked()
	schemas := map[string]any{}
	for i := range asked {
		if asked[i].schema != nil {
			schemas[asked[i].name] = asked[i].schema
		}
	}
	// One part that cannot be read spoils only the operations that need it.
	all, err := load(r.with(schemas))
	results := make(chan result, len(asked))
	go func() {
		for i := range asked {
			a := &asked[i]
			doc, bad := all, error(nil)
			if err != nil && a.schema != nil {
				doc, bad = load(r.with(map[string]any{a.name: a.schema}))
			}
			results <- a.make(doc, bad)
		}
	}()
	made := &Made{Bodies: map[string]any{}}
	base := r.base()
	slow := false
	for i := range asked {
		a := &asked[i]
		got := result{why: "no body was made: an operation before it took too long"}
		if !slow {
			select {
			case got = <-results:
			case <-time.After(maxMaking):
				slow, got.why = true, fmt.Sprintf("no body was made: it took longer than %s", maxMaking)
			}
		}
		if got.ok {
			made.Bodies[catalogs.EndpointKey(a.method, base+a.path)] = got.body
			made.Bodies[catalogs.EndpointKey(a.method, a.path)] = got.body
		}
		if got.why != "" {
			made.Doubts = append(made.Doubts, Doubt{a.method, a.path, got.why})
		}
	}
	return made, nil
}

// maxMaking is how long one body may take. The library's check has no bound of its own:
// schemas that share parts many times over take it exponential time.
var maxMaking = 20 * time.Second // a variable for its test

// A result is a body, whether there is one, and what is in doubt about it.
type result struct {
	body any
	ok   bool
	why  string
}

// asked is a JSON body that an operation takes.
type asked struct {
	method, path string
	name         string // of its schema in the document that is loaded
	schema       any    // nil: it has none
	examples     []any
}

// asked lists the operations that take a JSON body.
func (r *raw) asked() []asked {
	var out []asked
	paths := asMap(r.root["paths"])
	for _, path := range sorted(paths) {
		item := asMap(r.deref(paths[path]))
		for _, method := range bodyMethods {
			op := asMap(item[method])
			if op == nil {
				continue
			}
			a := asked{method: strings.ToUpper(method), path: path, name: fmt.Sprintf("permcheck.%d", len(out))}
			if r.v2 && r.parameterBody(&a, slices.Concat(asList(op["parameters"]), asList(item["parameters"]))) ||
				!r.v2 && r.contentBody(&a, asMap(asMap(r.deref(op["requestBody"]))["content"])) {
				out = append(out, a)
			}
		}
	}
	return out
}

// parameterBody takes the body as version 2.0 has it.
func (r *raw) parameterBody(a *asked, parameters []any) bool {
	for _, p := range parameters {
		if param := asMap(r.deref(p)); param["in"] == "body" {
			a.schema = param["schema"]
			return true
		}
	}
	return false
}

// contentBody takes the body of the media type that is nearest to JSON.
func (r *raw) contentBody(a *asked, content map[string]any) bool {
	best, rank := "", 0
	for _, name := range sorted(content) {
		if n := jsonRank(name); n > rank {
			best, rank = name, n
		}
	}
	if rank == 0 {
		return false
	}
	media := asMap(r.deref(content[best]))
	a.schema = media["schema"]
	if ex, ok := media["example"]; ok {
		a.examples = append(a.examples, ex)
	}
	named := asMap(media["examples"])
	for _, name := range sorted(named) {
		ex := asMap(r.deref(named[name]))
		for _, key := range []string{"value", "dataValue"} { // the second since 3.2
			if v, ok := ex[key]; ok {
				a.examples = append(a.examples, v)
			}
		}
	}
	return true
}

// jsonRank says how near a media type is to JSON; 0: it is another.
func jsonRank(name string) int {
	name, _, _ = strings.Cut(strings.ToLower(name), ";")
	switch name = strings.TrimSpace(name); {
	case name == "application/json":
		return 3
	case strings.HasSuffix(name, "+json"):
		return 2
	case name == "*/*" || name == "application/*":
		return 1
	}
	return 0
}

// base is the path of the first server.
func (r *raw) base() string {
	if r.v2 {
		base, _ := r.root["basePath"].(string)
		return strings.TrimSuffix(base, "/")
	}
	servers := asList(r.root["servers"])
	if len(servers) == 0 {
		return ""
	}
	server := asMap(servers[0])
	text, _ := server["url"].(string)
	for name, v := range asMap(server["variables"]) {
		if def, ok := asMap(v)["default"]; ok {
			text = strings.ReplaceAll(text, "{"+name+"}", fmt.Sprint(def))
		}
	}
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Path, "/")
}

// make makes the body. bad is why its schema could not be read.
func (a *asked) make(doc *openapi3.T, bad error) result {
	if a.schema == nil {
		if len(a.examples) > 0 {
			return result{body: a.examples[0], ok: true}
		}
		return result{why: "it has no schema and no example"}
	}
	// An example that cannot be checked, or does not fit, is still the best guess at what
	// the server takes, and is told to be one.
	unchecked := func(why string) result {
		if len(a.examples) > 0 {
			return result{a.examples[0], true, "its example is sent though it was not found to fit its schema: " + why}
		}
		return result{why: why}
	}
	if bad != nil {
		return unchecked("its schema cannot be read: " + brief(bad))
	}
	ref := doc.Components.Schemas[a.name]
	m := newMaker(doc)
	if err := m.asRequest(ref); err != nil {
		return unchecked("its schema cannot be read: " + brief(err))
	}
	for _, ex := range a.examples {
		if m.check(ref.Value, ex) == nil {
			return result{body: ex, ok: true}
		}
	}
	v, err := m.value(ref, "", 0, 0)
	if err != nil {
		return unchecked("no body can be made: " + brief(err))
	}
	return result{body: v, ok: true}
}

// brief is an error on one line of bounded length.
func brief(err error) string {
	const most = 300
	text := strings.Join(strings.Fields(err.Error()), " ")
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "..."
	}
	return text
}

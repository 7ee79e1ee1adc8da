package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// opening begins every placeholder.
const opening = "[secret:"

// A Secret is what must not be written.
type Secret struct {
	Name  string // stands in its place
	Value string
	User  string // who signs in with it; empty: nobody
}

// A Set is the secrets that a program knows. It may be used concurrently. The methods of a nil Set
// leave texts alone.
type Set struct {
	mu      sync.RWMutex
	entries map[string]*entry // by secret
	names   map[string]*entry // by what stands in placeholders
	long    index
	short   node           // the trie of tokens
	begins  [256]bool      // with which bytes they begin
	words   []string       // that are public
	given   map[string]int // how many names begin so
}

// An entry is one secret of a set.
type entry struct {
	secret, name string
	users        []string // who signs in with it
	short        bool
}

// New returns an empty set.
func New() *Set {
	return &Set{entries: map[string]*entry{}, names: map[string]*entry{}, given: map[string]int{}}
}

// Add adds secrets. One that is known already keeps its name.
func (s *Set) Add(secrets ...Secret) {
	if s == nil {
		return
	}
	for _, secret := range secrets {
		s.mu.RLock()
		known := s.entries[secret.Value]
		nothing := secret.Value == "" || known != nil && (secret.User == "" || slices.Contains(known.users, secret.User))
		s.mu.RUnlock()
		if nothing {
			continue
		}
		s.mu.Lock()
		s.add(secret)
		s.mu.Unlock()
	}
}

// add adds a secret, or what is new about one that is known.
func (s *Set) add(secret Secret) {
	e := s.entries[secret.Value]
	known := e != nil
	if !known {
		e = &entry{secret: secret.Value, short: utf8.RuneCountInString(secret.Value) < Long}
		s.entries[e.secret] = e
		s.look(patterns(e))
	}
	if secret.User != "" && !slices.Contains(e.users, secret.User) {
		e.users = append(e.users, secret.User)
		s.look(logins(e, secret.User))
	}
	if known {
		return
	}
	// A name that was given before may hold this secret.
	if len(e.secret) <= len(opening)+maxName {
		for name, other := range s.names {
			if strings.Contains(folded(opening+name), folded(e.secret)) && s.tells(name) {
				delete(s.names, name)
				s.name(other, "")
			}
		}
	}
	s.name(e, secret.Name)
}

// look adds patterns to what is looked for.
func (s *Set) look(list []*pattern) {
	for _, p := range list {
		if !p.token() {
			s.long.add(p)
			continue
		}
		s.short.insert(folded(p.text), p)
		s.begins[p.text[0]] = true
		if p.fold {
			s.begins[lower(p.text[0])], s.begins[upper(p.text[0])] = true, true
		}
	}
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// name gives an entry a name that no other has and that holds no secret: a number where the one
// that is asked for does.
func (s *Set) name(e *entry, want string) {
	want = strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && isWord(byte(r)) || r == '.' || r == '-' || r == '/' {
			return r
		}
		return '_'
	}, want)
	if len(want) > maxName {
		want = want[:maxName]
	}
	if want == "" || s.tells(want) {
		want = fmt.Sprint(len(s.entries))
	}
	for e.name = ""; e.name == ""; {
		s.given[want]++
		name := want
		if n := s.given[want]; n > 1 {
			name = fmt.Sprintf("%s.%d", want, n)
		}
		if s.names[name] == nil {
			e.name = name
		}
	}
	s.names[e.name] = e
}

// maxName bounds the name in a placeholder.
const maxName = 64

// tells reports whether a name holds a secret.
func (s *Set) tells(name string) bool { return len(s.find(opening+name+"]", true)) > 0 }

// Publish names texts that anybody may read, such as the paths of a catalog. A short secret that
// stands in one of them is left alone there.
func (s *Set) Publish(texts ...string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range texts {
		if t != "" && !slices.Contains(s.words, t) {
			s.words = append(s.words, t)
		}
	}
}

// public reports whether a token stands in a text that anybody may read.
func (s *Set) public(t string, start, end int) bool {
	token := t[start:end]
	for _, word := range s.words {
		for at := 0; ; at++ {
			i := strings.Index(word[at:], token)
			if i < 0 {
				break
			}
			at += i
			if strings.HasPrefix(t[max(0, start-at):], word) && start >= at {
				return true
			}
		}
	}
	return false
}

// Short are the names of the secrets that are replaced as whole tokens only.
func (s *Set) Short() []string {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var names []string
	for _, e := range s.entries {
		if e.short {
			names = append(names, e.name)
		}
	}
	slices.Sort(names)
	return names
}

// Text replaces every secret in a text.
func (s *Set) Text(text string) string { return s.text(text, true) }

// Sentence replaces every secret but the short ones in a text of the program's own, whose words
// may be such.
func (s *Set) Sentence(text string) string { return s.text(text, false) }

func (s *Set) text(text string, tokens bool) string {
	if s == nil || text == "" {
		return text
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.entries) == 0 {
		return text
	}
	hits := s.find(text, tokens)
	if len(hits) == 0 {
		return text
	}
	if strings.Contains(text, opening) {
		hits = slices.DeleteFunc(hits, func(h hit) bool { return s.inPlaceholder(text, h) })
	}
	return replace(text, hits)
}

// inPlaceholder reports whether a hit is a part of a placeholder of this set.
func (s *Set) inPlaceholder(text string, h hit) bool {
	start := strings.LastIndex(text[:min(len(text), h.start+len(opening))], opening)
	if start < 0 {
		return false
	}
	end := strings.IndexByte(text[start:], ']')
	if end < 0 || start+end < h.end || end > 2*maxName {
		return false
	}
	name, _, _ := strings.Cut(text[start+len(opening):start+end], ":")
	name, _, _ = strings.Cut(name, "~")
	return s.names[name] != nil
}

// JSON replaces every secret in a JSON document that others wrote, which stays JSON: in texts, in
// the names of members, and in numbers, which become texts. Anything else is treated as text.
func (s *Set) JSON(doc []byte) []byte {
	if s == nil || !json.Valid(doc) {
		return []byte(s.Text(string(doc)))
	}
	var out bytes.Buffer
	out.Grow(len(doc))
	for i := 0; i < len(doc); {
		end := tokenEnd(doc, i)
		token := doc[i:end]
		switch c := doc[i]; {
		case c == '"':
			text := string(token[1 : len(token)-1])
			if bytes.IndexByte(token, '\\') >= 0 {
				_ = json.Unmarshal(token, &text) // it is valid
			}
			out.Write(s.quoted(token, text))
		case c == '-' || c >= '0' && c <= '9':
			out.Write(s.quoted(token, string(token)))
		default:
			out.Write(token)
		}
		i = end
	}
	// A secret may be made of quotes and braces, or of what escapes look like.
	whole := out.Bytes()
	if clean := s.Sentence(string(whole)); clean != string(whole) {
		whole, _ = json.Marshal(clean) // it is a text, which can be written as JSON
		if s.Sentence(string(whole)) != string(whole) {
			whole = []byte(`"` + opening + `]"`)
		}
	}
	return whole
}

// tokenEnd is where the token of a JSON document ends that begins at a place.
func tokenEnd(doc []byte, i int) int {
	if doc[i] == '"' {
		for i++; doc[i] != '"'; i++ {
			if doc[i] == '\\' {
				i++
			}
		}
		return i + 1
	}
	if doc[i] != '-' && (doc[i] < '0' || doc[i] > '9') {
		return i + 1
	}
	for i < len(doc) && bytes.IndexByte([]byte("+-.0123456789Ee"), doc[i]) >= 0 {
		i++
	}
	return i
}

// quoted is a token of a JSON document without secrets: the same where it holds none.
func (s *Set) quoted(token []byte, text string) []byte {
	clean := s.Text(text)
	if clean == text {
		return token
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(clean) // a text can be encoded
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Writer returns a writer that replaces every secret but the short ones in what is written to it.
// What one call writes is one text: a secret may not be written in two parts.
func (s *Set) Writer(to io.Writer) *Writer { return &Writer{set: s, to: to} }

// A Writer replaces secrets; see [Set.Writer].
type Writer struct {
	set *Set
	to  io.Writer
}

// Write writes a text without secrets.
func (w *Writer) Write(text []byte) (int, error) {
	if _, err := io.WriteString(w.to, w.set.Sentence(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// Unwrap is where the text is written to.
func (w *Writer) Unwrap() io.Writer { return w.to }

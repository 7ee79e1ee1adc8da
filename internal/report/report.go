package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// Severity ranks a finding.
type Severity uint8

// The severities, mildest first. None is for "--fail-on none" only.
const (
	Info Severity = iota + 1
	Warning
	Error
	None Severity = 255
)

func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Error:
		return "error"
	case None:
		return "none"
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// MarshalText returns the severity's name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Set parses a severity's name; with [Severity.String] and [Severity.Type] it makes
// a command-line flag value.
func (s *Severity) Set(name string) error {
	for _, c := range []Severity{Info, Warning, Error, None} {
		if name == c.String() {
			*s = c
			return nil
		}
	}
	return fmt.Errorf("%q is not a severity: expected error, warning, info or none", name)
}

// Type names the flag's value in help texts.
func (s *Severity) Type() string { return "severity" }

// A Finding is one thing that a tool says.
type Finding struct {
	Rule     string       // id of a row of Rules
	Subject  string       // what it is about: "METHOD /path", a permission, a key
	Args     []string     // what distinguishes findings of one rule and subject
	Service  string       // which of a repository's services; empty where there is one, or none
	Was, Now string       // requirements before and after, where the finding compares two
	Message  string       // one sentence
	Position catalogs.Pos // where, if anywhere
	Evidence []string     // lines that let a reader check it
	Fix      string       // what to do next; empty: the rule's
	Level    Severity     // where it differs from the rule's; 0: it does not
}

// Severity returns the severity of the finding's rule, or what the finding or the
// configuration states instead.
func (f *Finding) Severity() Severity {
	if _, stated := levels()[f.Rule]; !stated && f.Level != 0 {
		return f.Level
	}
	return RuleByID(f.Rule).Severity
}

// Fingerprint identifies the finding across runs. It is made of rule, subject and
// arguments only.
func (f *Finding) Fingerprint() string {
	h := sha256.Sum256([]byte(f.Rule + "\x00" + f.Subject + "\x00" + strings.Join(f.Args, "\x00")))
	return hex.EncodeToString(h[:8])
}

// MarshalJSON writes the stable JSON form of a finding.
func (f *Finding) MarshalJSON() ([]byte, error) {
	return JSON(struct {
		Rule        string   `json:"rule"`
		Severity    Severity `json:"severity"`
		Service     string   `json:"service,omitempty"`
		Subject     string   `json:"subject"`
		Message     string   `json:"message"`
		Position    string   `json:"position,omitempty"`
		Evidence    []string `json:"evidence,omitempty"`
		Fix         string   `json:"fix,omitempty"`
		Fingerprint string   `json:"fingerprint"`
	}{f.Rule, f.Severity(), f.Service, f.Subject, f.Message, f.Position.String(), f.Evidence, f.fix(), f.Fingerprint()})
}

// JSON is [json.Marshal] that leaves &, < and > as they are: requirements are full of
// them, and no report is put into a page as it is.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return PlainJSON(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), err
}

func (f *Finding) fix() string {
	if f.Fix != "" {
		return f.Fix
	}
	return RuleByID(f.Rule).Fix
}

// Fails reports whether a finding of severity s is at or above the threshold.
func (s Severity) Fails(failOn Severity) bool { return failOn != None && s >= failOn }

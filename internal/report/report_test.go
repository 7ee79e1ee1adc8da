package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
)

func TestFingerprintIgnoresText(t *testing.T) {
	a := Finding{Rule: "requirement-weakened", Subject: "GET /x", Message: "one", Position: catalogs.Pos{File: "a.go", Line: 1}}
	b := a
	b.Message, b.Position.Line, b.Evidence = "two", 9, []string{"x"}
	if a.Fingerprint() != b.Fingerprint() {
		t.Error("text and position change the fingerprint")
	}
	b.Args = []string{"x"}
	if a.Fingerprint() == b.Fingerprint() {
		t.Error("arguments do not change it")
	}
	c := Finding{Rule: "requirement-weakened", Subject: "GET /", Args: []string{"x"}}
	d := Finding{Rule: "requirement-weakened", Subject: "GET /x"}
	if c.Fingerprint() == d.Fingerprint() {
		t.Error("subject and arguments run together")
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain é text":       "plain é text",
		"a\x1b[31mred\x1b[m": `a\x1b[31mred\x1b[m`,
		"bell\a":             `bell\a`,
		"\xff\xfe":           `\xff\xfe`,
		"rtl\u202eevil":      `rtl\u202eevil`,
		"a\nb":               `a\nb`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Clean(strings.Repeat("x", 1<<20)); len(got) > 2100 {
		t.Errorf("%d bytes", len(got))
	}
	if got := CleanLines("a\x1b\nb"); got != "a\\x1b\nb" {
		t.Errorf("%q", got)
	}
}

func TestSeverity(t *testing.T) {
	var s Severity
	for _, name := range []string{"error", "warning", "info", "none"} {
		if err := s.Set(name); err != nil || s.String() != name {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	if err := s.Set("fatal"); err == nil {
		t.Error("fatal is accepted")
	}
	if !Error.Fails(Warning) || Info.Fails(Warning) || Error.Fails(None) || !Warning.Fails(Warning) {
		t.Error("the threshold is wrong")
	}
}

func TestWriteFinding(t *testing.T) {
	f := &Finding{Rule: Rules[0].ID, Subject: "GET /x", Message: "a \x1b message", Position: catalogs.Pos{File: "a.yaml", Line: 2, Column: 3},
		Evidence: []string{"seen"}, Fix: "do this"}
	var plain, colour bytes.Buffer
	NewStyles(false).WriteFinding(&plain, f)
	NewStyles(true).WriteFinding(&colour, f)
	sev := f.Severity().String()
	want := "a.yaml:2:3: " + sev + ": a \\x1b message [" + f.Rule + "]\n    seen\n    next: do this\n"
	if plain.String() != want {
		t.Errorf("got %q\nwant %q", plain.String(), want)
	}
	if !strings.Contains(colour.String(), "\x1b[") {
		t.Error("no colour")
	}
	out, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(out, &back); err != nil || back["position"] != "a.yaml:2:3" || back["severity"] != sev || back["fingerprint"] != f.Fingerprint() {
		t.Errorf("%s, %v", out, err)
	}
}

package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/permcheck/permcheck/catalogs"
)

var update = flag.Bool("update", false, "rewrite golden files from the observed output")

// hostile is one fixed report: findings of each severity, with and without a
// position, and text from a server that tries to break out of each format.
func hostile(root string) *Report {
	return &Report{
		Command: "vet", Service: "positions", Version: "v1.2.3", Root: root, Anchor: filepath.Join(root, "api/permissions.yaml"),
		Passed:     []string{"GET /good", "GET /<b>"},
		Incomplete: "package x does not compile",
		Findings: []*Finding{
			{Rule: "requirement-weakened", Subject: "GET /a", Message: "GET /a: weakened, A & B -> A", Args: []string{"A"},
				Position: catalogs.Pos{File: filepath.Join(root, "api", "openapi.yaml"), Line: 7, Column: 5}, Evidence: []string{"one", "two"}},
			{Rule: "endpoint-removed", Subject: "GET /b", Message: "removed"},
			{Rule: "requirement-strengthened", Subject: "GET /c", Message: "]]> <script>alert(1)</script> | `x` \x1b[2J \xff ::error::x%0A\n::warning::y",
				Position: catalogs.Pos{File: filepath.Join(root, "a,b:c.go"), Line: 1}},
		},
	}
}

func TestFormats(t *testing.T) {
	root := t.TempDir()
	for _, format := range Formats {
		var out bytes.Buffer
		if err := hostile(root).Write(&out, format); err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", "report."+format)
		if *update {
			if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%s differs from %s; got\n%s", format, golden, out.Bytes())
		}
		if bytes.ContainsAny(out.Bytes(), "\x1b") || strings.Contains(out.String(), root) {
			t.Errorf("%s: an escape or the machine's own path got through", format)
		}
	}
	if err := hostile(root).Write(&bytes.Buffer{}, "yaml"); err == nil {
		t.Error("an unknown format is accepted")
	}
}

func TestSARIF(t *testing.T) {
	write := func(r *Report) *sarif.Report {
		var out bytes.Buffer
		if err := r.WriteSARIF(&out); err != nil {
			t.Fatal(err)
		}
		log, err := sarif.FromBytes(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		return log
	}
	r := hostile(t.TempDir())
	log := write(r)
	if err := log.Validate(); err != nil { // against the schema of SARIF 2.1.0
		t.Error(err)
	}
	for _, res := range log.Runs[0].Results {
		loc := res.Locations[0].PhysicalLocation
		if uri := *loc.ArtifactLocation.URI; filepath.IsAbs(uri) || uri == "" || *loc.Region.StartLine < 1 || res.PartialFingerprints["permcheck/v1"] == "" {
			t.Errorf("result %+v", res)
		}
	}
	if *log.Runs[0].Invocations[0].ExecutionSuccessful {
		t.Error("an incomplete run is said to be successful")
	}
	for range maxSARIF {
		r.Findings = append([]*Finding{{Rule: "endpoint-removed", Subject: "GET /many", Message: "removed"}}, r.Findings...)
	}
	run := write(r).Runs[0]
	if len(run.Results) != maxSARIF || *run.Results[0].RuleID != "requirement-weakened" {
		t.Errorf("%d results, the first %s: the severest come first", len(run.Results), *run.Results[0].RuleID)
	}
}

// Several services are one log of several runs, and one file of several suites.
func TestWriteAll(t *testing.T) {
	root := t.TempDir()
	two := []*Report{hostile(root), {Command: "vet", Service: "people", Root: root,
		Columns: []string{"ENDPOINT", "CODE"}, Rows: [][]string{{"GET /a|b", "<script>"}}, Notes: []string{"*all*"},
		Tables: []Table{{Title: "Told", Caption: "<b>1", Columns: []string{"says"}, Rows: [][]Cell{{{Text: "a|b `c`"}}}}}}}
	for format, want := range map[string][]string{
		"sarif":  {`"id": "permcheck/vet/positions"`, `"id": "permcheck/vet/people"`},
		"junit":  {`name="permcheck vet positions"`, `name="permcheck vet people"`},
		"github": {"::error file=api/openapi.yaml"},
		"markdown": {"of positions", "of people", "| ENDPOINT | CODE |", `| GET /a\|b | &lt;script> |`, `- \*all\*`,
			"<details><summary>Told: &lt;b>1</summary>", "| says |", "| a\\|b \\`c\\` |"},
	} {
		var out bytes.Buffer
		if err := WriteAll(&out, format, two); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if strings.Count(out.String(), w) != 1 {
				t.Errorf("%s: %q is not there once:\n%s", format, w, out.String())
			}
		}
		if format == "sarif" {
			log, err := sarif.FromBytes(out.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if err := log.Validate(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestJUnitCounts(t *testing.T) {
	var out bytes.Buffer
	if err := hostile(t.TempDir()).WriteJUnit(&out); err != nil {
		t.Fatal(err)
	}
	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
	}
	if err := xml.Unmarshal(out.Bytes(), &suites); err != nil {
		t.Fatal(err)
	}
	// Two findings fail, one is information, two subjects pass, and completeness errs.
	if suites.Tests != 6 || suites.Failures != 2 || suites.Errors != 1 {
		t.Errorf("%+v", suites)
	}
}

// junitForm is what the schema that Jenkins checks reports with (junit-10.xsd of its xunit
// plugin) admits and demands: for each element its children, and its attributes, of which
// those with a ! must be there.
var junitForm = map[string]struct{ children, attributes string }{
	"":           {"testsuites", ""},
	"testsuites": {"testsuite", "name time tests failures errors"},
	"testsuite":  {"testsuite properties testcase system-out system-err", "!name !tests !failures !errors group time skipped timestamp hostname id package file log url"},
	"testcase":   {"skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err", "!name time classname group"},
	"failure":    {"", "type message"},
	"error":      {"", "type message"},
	"system-out": {"", ""},
}

var junitTime = regexp.MustCompile(`^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?$`)

func TestJUnitForm(t *testing.T) {
	var out bytes.Buffer
	if err := hostile(t.TempDir()).WriteJUnit(&out); err != nil {
		t.Fatal(err)
	}
	dec := xml.NewDecoder(&out)
	path := []string{""}
	elements := 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			elements++
			name, parent := token.Name.Local, path[len(path)-1]
			form, known := junitForm[name]
			if !known || !slices.Contains(strings.Fields(junitForm[parent].children), name) {
				t.Fatalf("<%s> in <%s>", name, parent)
			}
			given := map[string]string{}
			for _, a := range token.Attr {
				given[a.Name.Local] = a.Value
			}
			for _, a := range strings.Fields(form.attributes) {
				bare, required := strings.CutPrefix(a, "!")
				if _, ok := given[bare]; required && !ok {
					t.Errorf("<%s> has no %s", name, bare)
				}
				delete(given, bare)
			}
			if len(given) > 0 {
				t.Errorf("<%s> has %v", name, given)
			}
			for _, a := range token.Attr {
				if a.Name.Local == "time" && name != "testcase" && !junitTime.MatchString(a.Value) {
					t.Errorf("<%s time=%q>", name, a.Value)
				}
			}
			path = append(path, name)
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
	if elements < 10 {
		t.Errorf("only %d elements were looked at", elements)
	}
}

func TestGitHubIsOneLineEach(t *testing.T) {
	var out bytes.Buffer
	if err := hostile(t.TempDir()).WriteGitHub(&out); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if !strings.HasPrefix(line, "::error ") && !strings.HasPrefix(line, "::warning ") && !strings.HasPrefix(line, "::notice ") {
			t.Errorf("a line that is no annotation: %q", line)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 4 {
		t.Errorf("%d lines, want 4", n)
	}
}

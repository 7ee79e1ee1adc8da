package report

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/permcheck/permcheck/catalogs"
)

// A Report is what one command found, for the formats that all commands share. Text and
// JSON are each command's own.
type Report struct {
	Command  string // "vet"
	Service  string // which of a repository's services; empty where there is one
	Version  string // of permcheck
	Findings []*Finding
	// Headline is the first line of every form; empty: the number of findings.
	Headline string
	About    string // what was looked at, in a line; may be empty
	// Policy says what the command was allowed to do and what it left out because of that, for
	// formats that do not show About; empty: nothing is to be said.
	Policy Fact
	// Access is who gains and who loses, for formats that lead with it.
	Access []Access
	// Notes are sentences about the whole, such as what was left open.
	Notes []string
	// Passed are the subjects that were looked at and gave no finding, for formats that
	// list those too.
	Passed []string
	// Open are subjects of which it is not known whether they are right.
	Open []Open
	// Columns and Rows are a table of what was compared, which markdown shows.
	Columns []string
	Rows    [][]string
	// Tables are further ones, for formats for people.
	Tables []Table
	// Incomplete says why the report is not the whole; empty: it is.
	Incomplete string
	// Anchor is the file that a finding without a position is shown at.
	Anchor string
	// Root is the folder that paths are made relative to; empty: the repository around
	// the current directory.
	Root string
}

// A Table is one that is read on its own, such as what became of a list of statements.
type Table struct {
	Title   string   `json:"title"`
	Caption string   `json:"caption"` // a sentence that sums it up
	Columns []string `json:"columns"`
	Rows    [][]Cell `json:"rows"`
}

// An Open is a subject that was looked at and not decided.
type Open struct{ Subject, Reason string }

// headline is the first line.
func (r *Report) headline() string {
	if r.Headline != "" {
		return r.Headline
	}
	return Headline(r.Findings)
}

// policy is Policy in a line.
func (r *Report) policy() string { return r.Policy.Name + ": " + r.Policy.Value }

// Formats are the formats that [Report.Write] knows.
var Formats = []string{"sarif", "junit", "github", "markdown"}

// Write writes the report in one of Formats.
func (r *Report) Write(w io.Writer, format string) error {
	switch format {
	case "sarif":
		return r.WriteSARIF(w)
	case "junit":
		return r.WriteJUnit(w)
	case "github":
		return r.WriteGitHub(w)
	case "markdown":
		return r.WriteMarkdown(w)
	}
	return fmt.Errorf("no format %q", format)
}

// WriteAll writes the reports of several services as one output in one of Formats.
func WriteAll(w io.Writer, format string, reports []*Report) error {
	switch format {
	case "sarif":
		return writeSARIF(w, reports)
	case "junit":
		return writeJUnit(w, reports)
	}
	for i, r := range reports {
		if format == "markdown" && i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		if err := r.Write(w, format); err != nil {
			return err
		}
	}
	return nil
}

// WriteJUnit writes one test case for each subject: it fails with its findings, or
// passes.
func (r *Report) WriteJUnit(w io.Writer) error { return writeJUnit(w, []*Report{r}) }

func writeJUnit(w io.Writer, reports []*Report) error {
	suites := junit.Testsuites{Name: "permcheck"}
	for _, r := range reports {
		suites.AddSuite(r.suite())
	}
	return suites.WriteXML(w)
}

func (r *Report) suite() junit.Testsuite {
	suite := junit.Testsuite{Name: "permcheck " + r.Command}
	if r.Service != "" {
		suite.Name += " " + r.Service
	}
	for _, f := range r.Findings {
		tc := junit.Testcase{Classname: "permcheck." + f.Rule, Name: CleanLines(f.Subject)}
		lines := append([]string{f.Message, r.place(f.Position)}, f.Evidence...)
		text := CleanLines(strings.Join(append(lines, "next: "+f.fix()), "\n"))
		if f.Severity() == Info {
			tc.SystemOut = &junit.Output{Data: text}
		} else {
			tc.Failure = &junit.Result{Message: Clean(f.Message), Type: f.Severity().String(), Data: text}
		}
		suite.AddTestcase(tc)
	}
	if r.Headline != "" {
		suite.Name += ": " + Clean(r.Headline)
	}
	if r.Policy.Value != "" {
		suite.AddProperty(Clean(r.Policy.Name), Clean(r.Policy.Value))
	}
	for _, o := range r.Open {
		suite.AddTestcase(junit.Testcase{Classname: "permcheck." + r.Command, Name: CleanLines(o.Subject), Skipped: &junit.Result{Message: CleanLines(o.Reason)}})
	}
	for _, s := range r.Passed {
		suite.AddTestcase(junit.Testcase{Classname: "permcheck." + r.Command, Name: CleanLines(s)})
	}
	if r.Incomplete != "" {
		suite.AddTestcase(junit.Testcase{Classname: "permcheck." + r.Command, Name: "complete",
			Error: &junit.Result{Message: CleanLines(r.Incomplete), Type: "incomplete"}})
	}
	return suite
}

// WriteGitHub writes workflow commands, which GitHub Actions shows as annotations
// (https://docs.github.com/en/actions, Workflow commands).
func (r *Report) WriteGitHub(w io.Writer) error {
	if r.Headline != "" {
		text := r.Headline
		if r.Policy.Value != "" {
			text += "\n" + r.policy()
		}
		if _, err := fmt.Fprintf(w, "::notice title=permcheck %s::%s\n", r.Command, escapeData(CleanLines(text))); err != nil {
			return err
		}
	}
	for _, f := range r.Findings {
		command := map[Severity]string{Error: "error", Warning: "warning", Info: "notice"}[f.Severity()]
		var props []string
		prop := func(name, value string) { props = append(props, name+"="+escapeProperty(value)) }
		if f.Position.File != "" {
			prop("file", r.uri(f.Position))
			if f.Position.Line > 0 {
				prop("line", fmt.Sprint(f.Position.Line))
			}
			if f.Position.Column > 0 {
				prop("col", fmt.Sprint(f.Position.Column))
			}
		}
		prop("title", "permcheck "+f.Rule)
		text := strings.Join(append([]string{f.Message}, f.Evidence...), "\n")
		if _, err := fmt.Fprintf(w, "::%s %s::%s\n", command, strings.Join(props, ","), escapeData(CleanLines(text))); err != nil {
			return err
		}
	}
	if r.Incomplete != "" {
		_, err := fmt.Fprintf(w, "::error title=permcheck::%s\n", escapeData("incomplete: "+CleanLines(r.Incomplete)))
		return err
	}
	return nil
}

func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(Clean(s))
}

// place is the position with its file as in [Report.uri].
func (r *Report) place(p catalogs.Pos) string {
	p.File = r.uri(p)
	return p.String()
}

// uri is the position's file as a slash-separated path relative to the root, or the
// anchor where the position names none.
func (r *Report) uri(p catalogs.Pos) string {
	file := p.File
	if file == "" || strings.HasPrefix(file, catalogs.VendorPrefix) {
		file = r.Anchor
	}
	if file == "" {
		return "."
	}
	root := r.Root
	if root == "" {
		root = repositoryRoot()
	}
	abs, err := filepath.Abs(file)
	if err == nil {
		if rel, err := filepath.Rel(root, abs); err == nil && filepath.IsLocal(rel) {
			file = rel
		}
	}
	return filepath.ToSlash(file)
}

// repositoryRoot is the nearest folder above the current one that has a .git, or the
// current one.
func repositoryRoot() string {
	here, err := os.Getwd()
	if err != nil {
		return "."
	}
	for dir := here; ; {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return here
		}
		dir = parent
	}
}

func refs(r Rule) []string { return strings.Fields(r.Refs) }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

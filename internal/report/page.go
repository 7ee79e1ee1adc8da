package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"
)

// A Page is a report as one self-contained HTML file: what came out, a table of endpoints
// against keys (or before and now), and the findings, all of which can be filtered.
//
// The page is one fixed script and style. What a report says is JSON beside them, which
// the script shows as text and never as markup; the page's policy refuses every other
// script, style, image and connection, so that nothing from a document or a server runs.
type Page struct {
	Title    string   // "permcheck diff"
	Headline string   // the first line of every form of the report
	Outcome  Outcome  // how the headline is coloured
	Facts    []Fact   // what was compared or probed, when, with what
	Access   []Access // who gains and who loses
	Matrix   *Matrix  // nil: none
	Tables   []Table
	Findings []*Finding
	Notes    []string // what was left open
	Version  string   // of permcheck
}

// Outcome is how a report as a whole came out.
type Outcome string

// The outcomes. A report that is not whole is never good.
const (
	Good    Outcome = "good"
	Mixed   Outcome = "mixed" // warnings, or something stayed open
	Failed  Outcome = "failed"
	Partial Outcome = "partial"
)

// A Fact is one line about the report.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Matrix is a table of endpoints.
type Matrix struct {
	Caption string   `json:"caption"`
	Columns []string `json:"columns"`
	Rows    []Row    `json:"rows"`
	Legend  []Cell   `json:"legend"` // Title says what Text means
	// Plain says that cells hold texts to read rather than marks.
	Plain bool `json:"plain"`
}

// A Row is one endpoint.
type Row struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	State  string `json:"state"`           // what it is filtered by: a class of change, a verdict
	Title  string `json:"title,omitempty"` // what it requires, in words
	Cells  []Cell `json:"cells"`
}

// A Cell is what holds for an endpoint and a column.
type Cell struct {
	Text  string `json:"text"`
	Tone  Tone   `json:"tone,omitempty"`
	Title string `json:"title,omitempty"` // the whole of it, in words
}

// Tone is the colour of a cell; the text says the same without it.
type Tone string

// The tones.
const (
	ToneGood  Tone = "good"
	ToneBad   Tone = "bad"
	ToneWarn  Tone = "warn"
	ToneQuiet Tone = "quiet"
)

var (
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

type pageFinding struct {
	Severity    string   `json:"severity"`
	Rule        string   `json:"rule"`
	Title       string   `json:"title"`
	Subject     string   `json:"subject"`
	Message     string   `json:"message"`
	Was         string   `json:"was,omitempty"`
	Now         string   `json:"now,omitempty"`
	Position    string   `json:"position,omitempty"`
	Evidence    []string `json:"evidence,omitempty"`
	Why         string   `json:"why"`
	Fix         string   `json:"fix"`
	Refs        string   `json:"refs,omitempty"`
	Fingerprint string   `json:"fingerprint"`
}

type pageAccess struct {
	Who   string   `json:"who"`
	Gains []string `json:"gains"`
	Loses []string `json:"loses"`
}

// Write writes the page.
func (p *Page) Write(w io.Writer) error {
	data := struct {
		Title    string        `json:"title"`
		Headline string        `json:"headline"`
		Outcome  Outcome       `json:"outcome"`
		Facts    []Fact        `json:"facts"`
		Access   []pageAccess  `json:"access"`
		Matrix   *Matrix       `json:"matrix"`
		Tables   []Table       `json:"tables"`
		Findings []pageFinding `json:"findings"`
		Notes    []string      `json:"notes"`
		Version  string        `json:"version"`
	}{p.Title, CleanLines(p.Headline), p.Outcome, p.Facts, []pageAccess{}, p.Matrix, p.Tables, []pageFinding{}, p.Notes, p.Version}
	for _, a := range p.Access {
		data.Access = append(data.Access, pageAccess{a.Who, a.Gains, a.Loses})
	}
	for _, f := range p.Findings {
		rule := RuleByID(f.Rule)
		data.Findings = append(data.Findings, pageFinding{
			f.Severity().String(), f.Rule, rule.Title, f.Subject, f.Message, f.Was, f.Now, f.Position.String(),
			f.Evidence, rule.Why, f.fix(), rule.Refs, f.Fingerprint(),
		})
	}
	// This form of JSON escapes <, > and & and the line breaks of JavaScript, so the text
	// cannot end the element that it stands in.
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	text = visibleJSON(text)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '%s'; style-src '%s'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>%s</title>
<style>%s</style>
</head>
<body>
<noscript><p>This page needs JavaScript to show the report, which it holds as JSON. It loads nothing from elsewhere.</p><p>%s</p></noscript>
<script type="application/json" id="report">%s</script>
<script>%s</script>
</body>
</html>
`, integrity(pageJS), integrity(pageCSS), html.EscapeString(Clean(p.Title+": "+p.Headline)), pageCSS, html.EscapeString(CleanLines(p.Headline)), text, pageJS)
	_, err = w.Write(b.Bytes())
	return err
}

// integrity is the hash by which a content security policy admits an inline script or
// style.
func integrity(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Headline counts findings by severity: "2 errors, 1 warning, 3 for information".
func Headline(findings []*Finding) string {
	counts := map[Severity]int{}
	for _, f := range findings {
		counts[f.Severity()]++
	}
	parts := []string{plural(counts[Error], "error"), plural(counts[Warning], "warning")}
	if n := counts[Info]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d for information", n))
	}
	return strings.Join(parts, ", ")
}

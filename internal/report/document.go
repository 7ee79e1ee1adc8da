package report

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A Document is text for people that is made of data, such as the page of a catalog. Its forms
// say the same, but that only HTML shows trees and links.
type Document struct {
	Title    string
	Made     string // the command that makes it
	Intro    string
	Sections []Section
}

// A Section is a heading with a table, or lines, or a tree below it.
type Section struct {
	Title   string
	Columns []string
	Rows    [][]Line // cells
	Lines   []Line   // a list
	Tree    []*Branch
}

// A Branch is a node of a tree.
type Branch struct {
	Name     string
	About    Line
	Branches []*Branch
}

// A Line is a run of text.
type Line []Span

// A Span is a part of a line that looks alike.
type Span struct {
	Text string
	Code bool   // a name from the data
	Link string // where it leads in HTML: http and https only
	Tone Tone
}

// Words is a line of plain text.
func Words(text string) Line {
	if text == "" {
		return nil
	}
	return Line{{Text: text}}
}

// Code is a line with one name.
func Code(text string) Line {
	if text == "" {
		return nil
	}
	return Line{{Text: text, Code: true}}
}

// markdown is a line as markdown.
func (l Line) markdown() string {
	var b strings.Builder
	for _, s := range l {
		if s.Code {
			b.WriteString(MarkdownCode(s.Text))
		} else {
			b.WriteString(MarkdownText(s.Text))
		}
	}
	return b.String()
}

// WriteMarkdown writes the document as markdown. Sections that are trees only are left out.
func (d *Document) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n<!-- Made by: %s -->\n\n%s\n", MarkdownText(d.Title), inComment(d.Made), MarkdownText(d.Intro))
	for _, s := range d.Sections {
		if len(s.Rows)+len(s.Lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", MarkdownText(s.Title))
		if len(s.Columns) > 0 {
			fmt.Fprintf(&b, "| %s |\n%s|\n", strings.Join(s.Columns, " | "), strings.Repeat("|---", len(s.Columns)))
		}
		for _, row := range s.Rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				cells[i] = cell.markdown()
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
		for _, l := range s.Lines {
			fmt.Fprintf(&b, "- %s\n", l.markdown())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// inComment is text that cannot end the comment that it stands in.
func inComment(s string) string {
	return strings.NewReplacer("-->", "-- >", "--!>", "--! >").Replace(Clean(s))
}

// WriteText writes a section for a terminal: its tree, its table in columns, its lines.
func (s *Section) WriteText(w io.Writer, st Styles) {
	fmt.Fprintf(w, "\n%s\n", st.Bold.Sprint(Clean(s.Title)))
	writeTextTree(w, st, s.Tree, 1)
	widths := make([]int, len(s.Columns))
	for _, row := range s.Rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell.plain()))
		}
	}
	for _, row := range s.Rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "  %-*s", min(widths[i], 60), cell.plain())
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
	for _, l := range s.Lines {
		fmt.Fprintf(w, "  %s\n", l.plain())
	}
}

func writeTextTree(w io.Writer, st Styles, branches []*Branch, depth int) {
	width := 0
	for _, b := range branches {
		if len(b.About) > 0 {
			width = max(width, utf8.RuneCountInString(Clean(b.Name)))
		}
	}
	for _, b := range branches {
		line := fmt.Sprintf("%s%-*s  %s", strings.Repeat("  ", depth), min(width, 40), Clean(b.Name), st.Dim.Sprint(b.About.plain()))
		if len(b.About) == 0 {
			line = strings.Repeat("  ", depth) + Clean(b.Name)
		}
		fmt.Fprintln(w, line)
		writeTextTree(w, st, b.Branches, depth+1)
	}
}

// plain is a line without any markup.
func (l Line) plain() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.Text)
	}
	return Clean(b.String())
}

//go:embed document.css
var documentCSS string

// WriteHTML writes the document as one self-contained page without scripts. What it says is
// text and never markup; the page's policy refuses every script, image and connection.
func (d *Document) WriteHTML(w io.Writer) error {
	style := pageCSS + documentCSS
	var b strings.Builder
	text := func(s string) string { return html.EscapeString(CleanLines(s)) }
	fmt.Fprintf(&b, `<!DOCTYPE html>
<!-- Made by: %s -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>%s</title>
<style>%s</style>
</head>
<body class="document">
<header>
<h1>%s</h1>
<p>%s</p>
</header>
<nav aria-label="Sections"><ul>
`, inComment(d.Made), integrity(style), text(d.Title), style, text(d.Title), text(d.Intro))
	ids := anchors(d.Sections)
	for i, s := range d.Sections {
		count := ""
		if n := len(s.Rows); n > 0 {
			count = fmt.Sprintf(` <span class="n">%d</span>`, n)
		}
		fmt.Fprintf(&b, "<li><a href=\"#%s\">%s</a>%s</li>\n", ids[i], text(s.Title), count)
	}
	b.WriteString("</ul></nav>\n<main>\n")
	for i := range d.Sections {
		s := &d.Sections[i]
		fmt.Fprintf(&b, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n", ids[i], ids[i], text(s.Title))
		writeTree(&b, s.Tree)
		if len(s.Rows) > 0 {
			b.WriteString("<div class=\"table\" tabindex=\"0\" role=\"group\" aria-label=\"" + text(s.Title) + "\"><table>\n<thead><tr>")
			for _, c := range s.Columns {
				fmt.Fprintf(&b, "<th scope=\"col\">%s</th>", text(c))
			}
			b.WriteString("</tr></thead>\n<tbody>\n")
			for _, row := range s.Rows {
				b.WriteString("<tr>")
				for i, cell := range row {
					if i == 0 {
						fmt.Fprintf(&b, "<th scope=\"row\">%s</th>", cell.html())
					} else {
						fmt.Fprintf(&b, "<td>%s</td>", cell.html())
					}
				}
				b.WriteString("</tr>\n")
			}
			b.WriteString("</tbody></table></div>\n")
		}
		if len(s.Lines) > 0 {
			b.WriteString("<ul>\n")
			for _, l := range s.Lines {
				fmt.Fprintf(&b, "<li>%s</li>\n", l.html())
			}
			b.WriteString("</ul>\n")
		}
		b.WriteString("</section>\n")
	}
	fmt.Fprintf(&b, "</main>\n<footer>Made by <code>%s</code></footer>\n</body>\n</html>\n", text(d.Made))
	_, err := io.WriteString(w, b.String())
	return err
}

func writeTree(b *strings.Builder, branches []*Branch) {
	if len(branches) == 0 {
		return
	}
	b.WriteString("<ul class=\"tree\">\n")
	for _, br := range branches {
		fmt.Fprintf(b, "<li><code>%s</code>", html.EscapeString(CleanLines(br.Name)))
		if len(br.About) > 0 {
			b.WriteString(" <span class=\"about\">" + br.About.html() + "</span>")
		}
		if len(br.Branches) > 0 {
			b.WriteString("\n")
			writeTree(b, br.Branches)
		}
		b.WriteString("</li>\n")
	}
	b.WriteString("</ul>\n")
}

// html is a line as HTML.
func (l Line) html() string {
	var b strings.Builder
	for _, s := range l {
		text := html.EscapeString(CleanLines(s.Text))
		if s.Code {
			text = "<code>" + text + "</code>"
		}
		if s.Tone != "" {
			text = `<span class="` + string(s.Tone) + `">` + text + "</span>"
		}
		if u, err := url.Parse(s.Link); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			text = `<a href="` + html.EscapeString(u.String()) + `" rel="noreferrer">` + text + "</a>"
		}
		b.WriteString(text)
	}
	return b.String()
}

var notInAnchor = regexp.MustCompile(`[^a-z0-9]+`)

// anchors are the ids of sections, no two alike.
func anchors(sections []Section) []string {
	ids := make([]string, len(sections))
	taken := map[string]bool{}
	for i, s := range sections {
		id := "s-" + strings.Trim(notInAnchor.ReplaceAllString(strings.ToLower(s.Title), "-"), "-")
		for n := 2; taken[id]; n++ {
			id = fmt.Sprintf("%s-%d", strings.TrimSuffix(id, fmt.Sprintf("-%d", n-1)), n)
		}
		taken[id], ids[i] = true, id
	}
	return ids
}

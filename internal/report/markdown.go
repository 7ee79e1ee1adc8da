package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxMarkdown is how many characters a comment may have: GitHub refuses more than 65,536
// (GitLab takes a million). Rows beyond it are counted.
const maxMarkdown = 50_000

// maxLed bounds the calls that are listed for one key or role.
const maxLed = 10

// An Access is what one key or role can newly do, and no longer.
type Access struct {
	Who          string
	Gains, Loses []string // "METHOD /path"
	Anybody      bool     // Who stands for every caller, without a credential
}

// WriteMarkdown writes a comment for a pull request: who gains first, then the findings,
// severest first. What is for information only is folded away.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### permcheck %s", r.Command)
	if r.Service != "" {
		fmt.Fprintf(&b, " of %s", MarkdownText(r.Service))
	}
	fmt.Fprintf(&b, ": %s\n", MarkdownText(r.headline()))
	if r.Incomplete != "" {
		fmt.Fprintf(&b, "\n**Incomplete:** %s\n", MarkdownText(r.Incomplete))
	}
	if r.About != "" {
		fmt.Fprintf(&b, "\n%s\n", MarkdownText(r.About))
	}
	r.markdownAccess(&b)
	r.markdownWitnesses(&b)
	findings := slices.Clone(r.Findings)
	slices.SortStableFunc(findings, func(a, b *Finding) int { return int(b.Severity()) - int(a.Severity()) })
	grave := slices.IndexFunc(findings, func(f *Finding) bool { return f.Severity() == Info })
	if grave < 0 {
		grave = len(findings)
	}
	left := r.markdownTable(&b, findings[:grave])
	if infos := findings[grave:]; len(infos) > 0 && left == 0 {
		fmt.Fprintf(&b, "\n<details><summary>%d for information</summary>\n", len(infos))
		left = r.markdownTable(&b, infos)
		b.WriteString("\n</details>\n")
	} else {
		left += len(infos)
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n%s more: the comment would be too long.\n", plural(left, "finding"))
	}
	for i := range r.Tables {
		r.Tables[i].markdown(&b)
	}
	if len(r.Notes) > 0 {
		b.WriteByte('\n')
		for _, n := range r.Notes {
			fmt.Fprintf(&b, "- %s\n", MarkdownText(n))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// maxWitnesses bounds the rows of what was compared.
const maxWitnesses = 100

// markdownWitnesses writes the table of what was compared.
func (r *Report) markdownWitnesses(b *strings.Builder) {
	if len(r.Rows) == 0 {
		return
	}
	line := func(cells []string) {
		for _, c := range cells {
			fmt.Fprintf(b, "| %s ", MarkdownText(c))
		}
		b.WriteString("|\n")
	}
	b.WriteByte('\n')
	line(r.Columns)
	b.WriteString(strings.Repeat("|---", len(r.Columns)) + "|\n")
	for i, row := range r.Rows {
		if i == maxWitnesses {
			fmt.Fprintf(b, "\n%d more rows\n", len(r.Rows)-i)
			break
		}
		line(row)
	}
}

// markdown writes the table folded away below what sums it up.
func (t *Table) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n<details><summary>%s: %s</summary>\n\n", MarkdownText(t.Title), MarkdownText(t.Caption))
	for _, c := range t.Columns {
		fmt.Fprintf(b, "| %s ", MarkdownText(c))
	}
	b.WriteString("|\n" + strings.Repeat("|---", len(t.Columns)) + "|\n")
	for i, row := range t.Rows {
		if i == maxWitnesses || b.Len() > maxMarkdown {
			fmt.Fprintf(b, "\n%d more rows\n", len(t.Rows)-i)
			break
		}
		for _, c := range row {
			fmt.Fprintf(b, "| %s ", MarkdownText(c.Text))
		}
		b.WriteString("|\n")
	}
	b.WriteString("\n</details>\n")
}

// markdownAccess says who can do what now.
func (r *Report) markdownAccess(b *strings.Builder) {
	if len(r.Access) == 0 {
		return
	}
	b.WriteByte('\n')
	for _, a := range r.Access {
		for _, part := range []struct {
			verb  string
			calls []string
		}{{"can now", a.Gains}, {"can no longer", a.Loses}} {
			for i, call := range part.calls {
				if i == maxLed && len(part.calls) > maxLed+1 {
					fmt.Fprintf(b, "- **%s** %s call %d more\n", MarkdownText(a.Who), part.verb, len(part.calls)-i)
					break
				}
				how := ""
				if a.Anybody {
					how = ", without any credential"
				}
				fmt.Fprintf(b, "- **%s** %s %s%s\n", MarkdownText(a.Who), part.verb, MarkdownCode(call), how)
			}
		}
	}
}

// markdownTable writes findings as rows and returns how many did not fit.
func (r *Report) markdownTable(b *strings.Builder, findings []*Finding) (left int) {
	compares := r.Command == "diff" && slices.ContainsFunc(findings, func(f *Finding) bool { return f.Was != "" || f.Now != "" })
	for i, f := range findings {
		if i == 0 && compares {
			b.WriteString("\n| | endpoint | before | now | where | why |\n|---|---|---|---|---|---|\n")
		} else if i == 0 {
			b.WriteString("\n| | what | where | why |\n|---|---|---|---|\n")
		}
		if b.Len() > maxMarkdown {
			return len(findings) - i
		}
		where := ""
		if f.Position.File != "" {
			where = MarkdownCode(r.place(f.Position))
		}
		rule := RuleByID(f.Rule)
		if compares {
			what := MarkdownCode(f.Subject)
			if f.Was == "" && f.Now == "" { // about something that has no requirement
				what = MarkdownText(f.Message)
			}
			fmt.Fprintf(b, "| %s: %s | %s | %s | %s | %s | %s |\n", f.Severity(), rule.Title, what,
				MarkdownCode(f.Was), MarkdownCode(f.Now), where, MarkdownText(rule.Why))
			continue
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", f.Severity(), MarkdownText(f.Message), where, MarkdownText(rule.Why))
	}
	return 0
}

// MarkdownText escapes what would be markup in a table cell.
func MarkdownText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "@", "&#64;", "#", "&#35;", "\n", " ").Replace(CleanLines(s))
}

// MarkdownCode is text as code in a table cell: nothing in it is markup, and a name with
// an @ in it notifies nobody.
func MarkdownCode(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", `\|`, "\n", " ").Replace(CleanLines(s)) + "`"
}

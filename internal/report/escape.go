package report

// MarkdownText makes text fit for a cell of a markdown table: nothing in it is markup.
func MarkdownText(s string) string { return markdownText(s) }

package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// initFromDocument writes a catalog of what an OpenAPI document says. What a catalog
// cannot say stands beside it as comments.
func (a *app) initFromDocument(ctx context.Context, ref, name string, flags diffFlags) (string, error) {
	options, read, err := flags.options()
	if err != nil {
		return "", err
	}
	s, err := a.reader(read).Read(ctx, ref, "")
	if err != nil {
		return "", err
	}
	if s.Document == nil {
		return "", fmt.Errorf("%s: expected an OpenAPI document, found a catalog", ref)
	}
	p, err := s.Document.Project(options.PermissionScheme, options.Scopes)
	if err != nil {
		return "", err
	}
	d := docDraft{Projection: p, doc: s.Document, counts: map[string]int{}, written: map[string]string{}}
	for _, e := range p.Catalog.Endpoints {
		if e.Requires != nil && len(e.Requires.Permissions()) > 0 {
			d.speaks = true
			d.used = d.used.Union(e.Requires.Permissions())
		}
	}
	if !d.speaks && p.Scheme == "" {
		with := p.Scoped
		for name, s := range s.Document.Schemes {
			if len(p.Scoped) == 0 && s.HasScopes() {
				with = append(with, name)
			}
		}
		if len(with) > 1 {
			slices.Sort(with)
			return "", fmt.Errorf("%s has several schemes with scopes: say whose are permissions with --permission-scheme, one of %s", ref, strings.Join(with, ", "))
		}
	}
	if len(p.Operations) == 0 {
		return "", fmt.Errorf("%s has no operation: nothing to write a catalog of", ref)
	}
	text := d.write(ref, name)
	if _, err := catalogs.Parse("draft", []byte(text)); err != nil {
		return "", fmt.Errorf("the draft is not a catalog; please report this: %w", err)
	}
	return text, nil
}

// A docDraft is the making of a catalog from a document.
type docDraft struct {
	*openapi.Projection
	doc     *openapi.Document
	speaks  bool // some operation names a permission
	used    perm.Set
	counts  map[string]int
	written map[string]string // endpoint -> requirement
}

func (d *docDraft) write(ref, name string) string {
	sections := map[string][]int{}
	var order []string
	for i, o := range d.Operations {
		if sections[o.Tag] == nil {
			order = append(order, o.Tag)
		}
		sections[o.Tag] = append(sections[o.Tag], i)
	}
	// Rows without a section stand before those with one.
	slices.SortStableFunc(order, func(x, y string) int { return cmp.Compare(min(len(x), 1), min(len(y), 1)) })
	var rows strings.Builder
	for _, tag := range order {
		indent := "  "
		if tag != "" {
			fmt.Fprintf(&rows, "  %s:\n", strictyaml.QuoteKey(heading(tag)))
			indent = "    "
		}
		for _, i := range sections[tag] {
			d.row(&rows, indent, i)
		}
	}

	var b strings.Builder
	fmt.Fprintf(&b, "permcheck: catalog/1\nname: %s\n", strictyaml.QuoteValue(name))
	fmt.Fprintf(&b, "# A draft made from an OpenAPI document: %d endpoints, %d guarded, %d public, %d unknown.\n",
		len(d.written), d.counts["guarded"], d.counts["public"], d.counts["unknown"])
	b.WriteString("# It says what the document says, which need not be what is right. Review each row.\n")
	switch {
	case d.Scheme != "" && d.speaks:
		fmt.Fprintf(&b, "# Permissions are the scopes of the security scheme %s, or what a permission extension names.\n", comment(d.Scheme))
	case !d.speaks:
		b.WriteString("# The document names no permission: list them, and say which endpoint needs which.\n")
	}
	for _, scheme := range slices.Sorted(maps.Keys(d.AlsoAdmits)) {
		fmt.Fprintf(&b, "# %s, which carries no permission, is enough for %s too: a catalog cannot say that.\n", comment(scheme), plural(d.AlsoAdmits[scheme], "operation"))
	}
	others := 0
	for i := range d.doc.Operations {
		if d.doc.Operations[i].Kind != openapi.Endpoint {
			others++
		}
	}
	if others > 0 {
		fmt.Fprintf(&b, "# %s left out: the API is their client.\n", plural(others, "webhook or callback operation"))
	}
	if d.doc.ExtraServers > 0 {
		fmt.Fprintf(&b, "# %s with several servers: the path of the first one is used.\n", plural(d.doc.ExtraServers, "operation"))
	}
	for _, p := range d.doc.Problems {
		fmt.Fprintf(&b, "# not understood: %s: %s\n", comment(p.Pos.String()), comment(p.Message))
	}
	if ref != "-" {
		fmt.Fprintf(&b, "sources: {openapi: %s}\ndefault: {source: openapi, evidence: documented}\n", strictyaml.QuoteFlow(ref))
	}
	b.WriteString("permissions:\n")
	labels := d.labels()
	for _, id := range d.used {
		fmt.Fprintf(&b, "  %s:%s\n", strictyaml.QuoteKey(string(id)), labelled(labels[id], ""))
		delete(labels, id)
	}
	for _, id := range slices.Sorted(maps.Keys(labels)) { // listed, and demanded nowhere
		fmt.Fprintf(&b, "  %s:%s\n", strictyaml.QuoteKey(string(id)), labelled(labels[id], "endpoints: unknown"))
	}
	b.WriteString("endpoints:\n")
	b.WriteString(rows.String())
	return b.String()
}

// labels returns the scopes that the scheme of permissions lists, with their
// descriptions.
func (d *docDraft) labels() map[perm.Permission]string {
	out := map[perm.Permission]string{}
	if s := d.doc.Schemes[d.Scheme]; s != nil {
		for _, scope := range s.Scopes {
			if strings.TrimSpace(scope.Name) != "" {
				out[perm.Permission(scope.Name)] = scope.Description
			}
		}
	}
	return out
}

// labelled is the value of a permission with a label and something more, if any.
func labelled(label, more string) string {
	label, _, _ = strings.Cut(strings.TrimSpace(label), "\n")
	if label = comment(label); len(label) > 200 {
		label = label[:200]
		label = strings.ToValidUTF8(label, "") + "..."
	}
	var parts []string
	if label != "" {
		parts = append(parts, "label: "+strictyaml.QuoteFlow(label))
	}
	if more != "" {
		parts = append(parts, more)
	}
	if len(parts) == 0 {
		return ""
	}
	return " {" + strings.Join(parts, ", ") + "}"
}

// heading is a tag as the heading of a section, which has no slash.
func heading(tag string) string {
	return comment(strings.Join(strings.Fields(strings.ReplaceAll(tag, "/", " ")), " "))
}

// row writes one operation, with what a row cannot say as a comment.
func (d *docDraft) row(b *strings.Builder, indent string, i int) {
	e, o := &d.Catalog.Endpoints[i], d.Operations[i]
	requires, notes := d.requires(i)
	method := methodName(e.Method)
	leave := func(why string) {
		fmt.Fprintf(b, "%s# %s %s: %s: %s (%s)\n", indent, comment(method), comment(e.Path), comment(requires), comment(why), comment(o.Pos.String()))
	}
	if _, err := catalogs.ParseTemplate(e.Path); err != nil {
		leave(err.Error())
		return
	}
	if _, err := catalogs.ParseMethod(e.Method); err != nil {
		leave(err.Error())
		return
	}
	key := catalogs.EndpointKey(e.Method, e.Path)
	if before, dup := d.written[key]; dup {
		leave("listed above, with " + before)
		return
	}
	d.written[key] = requires
	switch requires {
	case "unknown", "public":
		d.counts[requires]++
	default:
		d.counts["guarded"]++
	}
	fmt.Fprintf(b, "%s%s: %s", indent, strictyaml.QuoteKey(method+" "+e.Path), strictyaml.QuoteValue(requires))
	if len(notes) > 0 {
		fmt.Fprintf(b, "  # %s (%s)", comment(strings.Join(notes, "; ")), comment(o.Pos.String()))
	}
	b.WriteByte('\n')
}

// requires returns what an operation's row says, and what it cannot say.
func (d *docDraft) requires(i int) (requires string, notes []string) {
	e, o := &d.Catalog.Endpoints[i], d.Operations[i]
	switch {
	case o.Unreadable != nil:
		return "unknown", []string{"could not be read: " + o.Unreadable.Message}
	case e.Requires == nil:
		return "unknown", []string{"declares nothing"}
	case d.Unstated[i] && !d.speaks:
		return "unknown", nil
	case d.Unstated[i]:
		notes = append(notes, "demands a credential but names no permission")
	case o.Anonymous() && o.Permission != nil && !o.Permission.IsPublic() && e.Requires.IsPublic():
		notes = append(notes, fmt.Sprintf("names %s, but admits requests without a credential", o.Permission))
	}
	if o.Anonymous() {
		return e.Requires.String(), notes
	}
	for _, alt := range o.Security {
		var others []string
		with := false
		for _, u := range alt {
			if u.Scheme == d.Scheme {
				with = true
			} else {
				others = append(others, u.Scheme)
			}
		}
		switch {
		case len(others) == 0 || d.Unstated[i]:
		case with:
			notes = append(notes, "needs "+strings.Join(others, " and ")+" too")
		case d.Scheme != "" && o.Permission == nil:
			notes = append(notes, "also admits "+strings.Join(others, " with "))
		}
	}
	return e.Requires.String(), slices.Compact(notes)
}

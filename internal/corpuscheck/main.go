// Command corpuscheck measures how well permcheck reads a real server: it compares
// "permcheck routes" with a table of the routes that the server had at run time.
//
//	go run ./internal/corpuscheck -src DIR -table FILE.csv -dir internal/httpd [-config FILE]
//
// The table has the columns method and path, and may have permission: permissions joined
// by & and |, or public. Routes compare by method and path without parameter names; with
// -servemux the table's paths are net/http's patterns, of which one that ends in a slash
// matches all below it. A route that the table lacks is not counted as wrong where it is
// conditional or registered outside -dir; a row that was read and not recorded (how is
// "read") counts neither way. A path whose base is known only at run time counts by its
// tail.
//
// Permissions compare as requirements, on the rows that have one. The catalog is -catalog,
// or else one of the permissions that the table names and nothing more. -config is the
// configuration to read the server with, in place of its own.
package main

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// What is asked for, and what must be reached: percent.
type options struct {
	src, table, dir, catalog, config, drop, tool, patterns string
	servemux, verbose                                      bool
	recall, precision, unread, right                       float64
}

func main() {
	var o options
	flag.StringVar(&o.src, "src", "", "folder of the server's module")
	flag.StringVar(&o.table, "table", "", "CSV file of its routes")
	flag.StringVar(&o.dir, "dir", "", "folder below src whose routes the table has")
	flag.StringVar(&o.catalog, "catalog", "", "catalog to read permissions with; by default one of those that the table names")
	flag.StringVar(&o.config, "config", "", "configuration to read the server with")
	flag.StringVar(&o.drop, "drop", "user:!", "prefix to remove from the table's permissions")
	flag.StringVar(&o.patterns, "patterns", "./...", "packages to read, separated by commas")
	flag.BoolVar(&o.servemux, "servemux", false, "the table's paths are patterns of net/http")
	flag.StringVar(&o.tool, "permcheck", "permcheck", "the permcheck to run")
	flag.Float64Var(&o.recall, "recall", 99, "percent of the table's routes that must be found")
	flag.Float64Var(&o.precision, "precision", 99, "percent of the routes found that must be in the table")
	flag.Float64Var(&o.unread, "unread", 3, "percent of the registrations that may be unread")
	flag.Float64Var(&o.right, "right", 99, "percent of the permissions that must be right; none may be wrong or taken for undeclared")
	flag.BoolVar(&o.verbose, "v", false, "print every difference")
	flag.Parse()
	if o.src == "" || o.table == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ok, err := check(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "corpuscheck:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

type route struct {
	Method, Path, Position string
	Requires               *string
	Conditional, Dynamic   bool
}

var params = regexp.MustCompile(`\{[^}]*\}|:[A-Za-z_]\w*|\*\w*`)

func key(method, path string) string {
	if method == "ANY" {
		method = "*"
	}
	return method + " " + params.ReplaceAllString(path, "{}")
}

func check(o options) (bool, error) {
	want, neutral, err := read(o.table, o.servemux)
	if err != nil {
		return false, err
	}
	demands, err := permissions(want, o)
	if err != nil {
		return false, err
	}
	args := []string{"routes", "--format", "json", "--fail-on", "none"}
	switch {
	case o.catalog != "":
		if o.catalog, err = filepath.Abs(o.catalog); err != nil {
			return false, err
		}
	case len(demands) > 0:
		dir, err := os.MkdirTemp("", "corpuscheck-")
		if err != nil {
			return false, err
		}
		defer os.RemoveAll(dir)
		o.catalog = filepath.Join(dir, "permissions.yaml")
		if err := os.WriteFile(o.catalog, vocabulary(demands), 0o644); err != nil {
			return false, err
		}
	}
	if o.catalog != "" {
		args = append(args, "--catalog", o.catalog)
	}
	tool := o.tool
	if filepath.Base(tool) != tool {
		if tool, err = filepath.Abs(tool); err != nil {
			return false, err
		}
	}
	cmd := exec.Command(tool, append(args, strings.Split(o.patterns, ",")...)...)
	cmd.Dir = o.src
	cmd.Stderr = os.Stderr
	if o.config != "" {
		if o.config, err = filepath.Abs(o.config); err != nil {
			return false, err
		}
		cmd.Env = append(os.Environ(), "PERMCHECK_CONFIG="+o.config)
	}
	out, err := cmd.Output()
	if err != nil && len(out) == 0 {
		return false, err
	}
	var got struct {
		Routes     []route
		Unresolved []struct{ Position, Reason string }
	}
	if err := json.Unmarshal(out, &got); err != nil {
		return false, err
	}
	inside := func(position string) bool {
		return o.dir == "" || strings.HasPrefix(filepath.ToSlash(position), strings.TrimSuffix(o.dir, "/")+"/")
	}
	say := func(format string, args ...any) {
		if o.verbose {
			fmt.Printf(format+"\n", args...)
		}
	}
	have := map[string][]route{}
	unread := map[string]bool{}
	for _, u := range got.Unresolved {
		if inside(u.Position) {
			unread[u.Position] = true
			say("not read  %s: %s", u.Position, u.Reason)
		}
	}
	inTable, extra := 0, 0
	for _, r := range got.Routes {
		k := key(r.Method, r.Path)
		if short, ok := strings.CutSuffix(r.Path, "/{path...}"); ok && want[k] == nil && want[key(r.Method, short+"/")] != nil {
			k = key(r.Method, short+"/") // a ServeMux keeps the tree below a path as "/x/"
		}
		if tail := strings.Index(k, "{}/"); r.Dynamic && want[k] == nil && tail >= 0 {
			for w := range want {
				if strings.HasPrefix(w, r.Method+" ") && strings.HasSuffix(w, k[tail+2:]) {
					k = w
				}
			}
		}
		if !unread[r.Position] {
			have[k] = append(have[k], r)
		}
		if !inside(r.Position) {
			continue
		}
		if want[k] != nil {
			inTable++
		} else if !r.Conditional && !neutral[k] {
			extra++
			say("not there %s %s (%s)", r.Method, r.Path, r.Position)
		}
	}
	found, right, wrong, undeclared, unknown := 0, 0, 0, 0, 0
	for k, rows := range want {
		if len(have[k]) == 0 {
			say("missed    %s (%s)", k, rows[0]["handler_pos"])
			continue
		}
		found++
		if len(demands[k]) == 0 {
			continue
		}
		// Where a path is registered more than once, one of them must be right.
		r := have[k][0]
		if i := slices.IndexFunc(have[k], func(r route) bool { return r.Requires != nil && slices.Contains(demands[k], *r.Requires) }); i >= 0 {
			right++
			continue
		}
		switch {
		case r.Requires == nil:
			undeclared++
		case *r.Requires == "unknown":
			unknown++
		default:
			wrong++
		}
		say("demands   %s: %v, the table has %s", k, deref(r.Requires), strings.Join(demands[k], " or "))
	}
	recall, precision := percent(found, len(want)), percent(inTable, inTable+extra)
	notRead := 100 - percent(len(got.Routes), len(got.Routes)+len(unread))
	fmt.Printf("routes: %d of %d found (%.1f%%), precision %.1f%%, %d not read (%.1f%%)\n", found, len(want), recall, precision, len(unread), notRead)
	reached := percent(right, len(demands))
	if len(demands) > 0 {
		lines, err := configured(o.config)
		if err != nil {
			return false, err
		}
		fmt.Printf("permissions: %d of %d right (%.1f%%), %d wrong, %d falsely undeclared, %d unknown; %d lines of configuration\n",
			right, len(demands), reached, wrong, undeclared, unknown, lines)
	}
	return recall >= o.recall && precision >= o.precision && notRead <= o.unread && reached >= o.right && wrong == 0 && undeclared == 0, nil
}

// permissions returns what the rows of the table that have a permission demand.
func permissions(want map[string][]map[string]string, o options) (map[string][]string, error) {
	out := map[string][]string{}
	for k, rows := range want {
		for _, row := range rows {
			p := row["permission"]
			if p == "" {
				continue
			}
			text := p
			if p != "public" {
				text = quoteAll(p, o.drop)
			}
			req, err := perm.Parse(text)
			if err != nil {
				return nil, fmt.Errorf("%s: permission %q: %w", o.table, p, err)
			}
			out[k] = append(out[k], req.String())
		}
	}
	return out, nil
}

// vocabulary is a catalog of the permissions in requirements.
func vocabulary(demands map[string][]string) []byte {
	ids := map[perm.Permission]bool{}
	for _, reqs := range demands {
		for _, text := range reqs {
			if req, err := perm.Parse(text); err == nil {
				for _, p := range req.Permissions() {
					ids[p] = true
				}
			}
		}
	}
	out := "permcheck: catalog/1\nname: table\npermissions:\n"
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		out += fmt.Sprintf("  %q:\n", string(id))
	}
	return []byte(out + "endpoints: {}\n")
}

// configured counts the lines of a configuration.
func configured(file string) (int, error) {
	if file == "" {
		return 0, nil
	}
	data, err := os.ReadFile(file)
	return strings.Count(string(data), "\n"), err
}

// quoteAll writes the table's permissions, joined by & and |, as a requirement.
func quoteAll(p, drop string) string {
	return regexp.MustCompile(`[^&|]+`).ReplaceAllStringFunc(p, func(s string) string {
		return perm.Quote(perm.Permission(strings.TrimPrefix(strings.TrimSpace(s), drop)))
	})
}

func deref(s *string) string {
	if s == nil {
		return "nothing"
	}
	return *s
}

func percent(n, of int) float64 {
	if of == 0 {
		return 100
	}
	return 100 * float64(n) / float64(of)
}

// read reads the table: rows by key, and the keys of those that count neither way.
func read(table string, servemux bool) (rows map[string][]map[string]string, neutral map[string]bool, err error) {
	f, err := os.Open(table)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, nil, err
	}
	rows, neutral = map[string][]map[string]string{}, map[string]bool{}
	for _, line := range lines[min(1, len(lines)):] {
		m := map[string]string{}
		for i, name := range lines[0] {
			m[name] = line[i]
		}
		if m["method"] == "echo_route_not_found" {
			continue
		}
		path := m["path"]
		if exact, ok := strings.CutSuffix(path, "/{$}"); ok && servemux {
			path = exact + "/"
		} else if strings.HasSuffix(path, "/") && servemux {
			path += "{path...}"
		}
		k := key(m["method"], path)
		if m["how"] == "read" {
			neutral[k] = true
		} else {
			rows[k] = append(rows[k], m)
		}
	}
	if len(rows) == 0 {
		return nil, nil, fmt.Errorf("%s has no rows", table)
	}
	return rows, neutral, nil
}

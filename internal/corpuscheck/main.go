// Command corpuscheck measures how well permcheck reads a real server: it compares
// "permcheck routes" with a table of the routes that the server had at run time.
//
//	go run ./internal/corpuscheck -src DIR -table FILE.csv -dir internal/httpd [-catalog FILE]
//
// The table has the columns method and path, and may have permission. Routes compare
// by method and path without parameter names; with -servemux the table's paths are
// net/http's patterns, of which one that ends in a slash matches all below it. A route that the table lacks is not
// counted as wrong where it is conditional or registered outside -dir. A path whose
// base is known only at run time counts by its tail.
package main

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
)

func main() {
	src := flag.String("src", "", "folder of the server's module")
	table := flag.String("table", "", "CSV file of its routes")
	dir := flag.String("dir", "", "folder below src whose routes the table has")
	catalog := flag.String("catalog", "", "catalog whose permissions the table names; without it permissions are not compared")
	drop := flag.String("drop", "user:!", "prefix to remove from the table's permissions")
	servemux := flag.Bool("servemux", false, "the table's paths are patterns of net/http")
	tool := flag.String("permcheck", "permcheck", "the permcheck to run")
	minRecall := flag.Float64("recall", 95, "percent of the table's routes that must be found")
	minPrecision := flag.Float64("precision", 95, "percent of the routes found that must be in the table")
	verbose := flag.Bool("v", false, "print every difference")
	flag.Parse()
	if *src == "" || *table == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ok, err := check(*tool, *src, *table, *dir, *catalog, *drop, *servemux, *minRecall, *minPrecision, *verbose)
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

var params = regexp.MustCompile(`\{[^}]*\}|:[A-Za-z_]\w*|\*`)

func key(method, path string) string {
	if method == "ANY" {
		method = "*"
	}
	return method + " " + params.ReplaceAllString(path, "{}")
}

func check(tool, src, table, dir, catalog, drop string, servemux bool, minRecall, minPrecision float64, verbose bool) (bool, error) {
	want, err := read(table, servemux)
	if err != nil {
		return false, err
	}
	args := []string{"routes", "--format", "json", "--fail-on", "none"}
	if catalog != "" {
		abs, err := filepath.Abs(catalog)
		if err != nil {
			return false, err
		}
		args = append(args, "--catalog", abs)
	}
	if filepath.Base(tool) != tool {
		if tool, err = filepath.Abs(tool); err != nil {
			return false, err
		}
	}
	cmd := exec.Command(tool, append(args, "./...")...)
	cmd.Dir = src
	cmd.Stderr = os.Stderr
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
		return dir == "" || strings.HasPrefix(filepath.ToSlash(position), strings.TrimSuffix(dir, "/")+"/")
	}
	say := func(format string, args ...any) {
		if verbose {
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
	read, wrong := 0, 0
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
			read++
		} else if !r.Conditional {
			wrong++
			say("not there %s %s (%s)", r.Method, r.Path, r.Position)
		}
	}
	found, guarded, right := 0, 0, 0
	for k, w := range want {
		if len(have[k]) == 0 {
			say("missed    %s (%s)", k, w["handler_pos"])
			continue
		}
		found++
		p, compared := w["permission"]
		if !compared || catalog == "" || p == "" {
			continue
		}
		guarded++
		req, err := perm.Parse(quoteAll(p, drop))
		if err != nil {
			return false, fmt.Errorf("%s: permission %q: %w", table, p, err)
		}
		if slices.ContainsFunc(have[k], func(r route) bool { return r.Requires != nil && *r.Requires == req.String() }) {
			right++
		} else {
			say("demands   %s: %v, the table has %s", k, deref(have[k][0].Requires), req)
		}
	}
	recall, precision := percent(found, len(want)), percent(read, read+wrong)
	fmt.Printf("routes: %d of %d found (%.1f%%), precision %.1f%%, %d not read\n", found, len(want), recall, precision, len(unread))
	if catalog != "" {
		fmt.Printf("permissions: %d of %d right (%.1f%%)\n", right, guarded, percent(right, guarded))
	}
	return recall >= minRecall && precision >= minPrecision && right == guarded, nil
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

// read reads the table: rows by key.
func read(table string, servemux bool) (map[string]map[string]string, error) {
	f, err := os.Open(table)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]string{}
	for _, row := range rows[min(1, len(rows)):] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		if m["how"] == "read" || m["method"] == "echo_route_not_found" {
			continue
		}
		path := m["path"]
		if exact, ok := strings.CutSuffix(path, "/{$}"); ok && servemux {
			path = exact + "/"
		} else if strings.HasSuffix(path, "/") && servemux {
			path += "{path...}"
		}
		out[key(m["method"], path)] = m
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no rows", table)
	}
	return out, nil
}

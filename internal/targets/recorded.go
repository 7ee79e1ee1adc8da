package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// recorded compares a report with answers that another client recorded, and with the list of
// gaps that was made of those. A recorded answer that is in no gap is right: a failed probe of its
// row and key is a false alarm, and an answer of another status shows that the servers differ.
func (p *prober) recorded(r *runReport, gaps []gap, folder string) (bool, error) {
	known, err := readCSV(filepath.Join(folder, "known-gaps.csv"))
	if err != nil {
		return false, err
	}
	ok := true
	wrong := map[string][]string{} // path without query -> what is known to be wrong there
	for _, g := range known {
		if !strings.HasPrefix(g["target"], p.s.name+"-") {
			continue
		}
		if !slices.ContainsFunc(gaps, func(mine gap) bool { return mine.id == g["id"] }) {
			fmt.Printf("  %s is a known gap that gaps.csv does not have\n", g["id"])
			ok = false
		}
		path, _, _ := strings.Cut(g["path"], "?")
		wrong[path] = append(wrong[path], g["key"])
	}
	lines, err := readCSV(filepath.Join(folder, p.s.name+".csv"))
	if err != nil {
		return false, err
	}
	catalog, err := catalogs.Load(filepath.Join(p.dir, "catalog.yaml"))
	if err != nil {
		return false, err
	}
	// What was recorded of a row and a key, over the few records that were asked for.
	seen := map[[2]string][]string{}
	for _, l := range lines {
		path, query, _ := strings.Cut(l["path"], "?")
		path = strings.NewReplacer("{new:pub}", "1", "{new:draft}", "2").Replace(path)
		if e := rowOf(catalog, l["method"], path); e != nil && query == "" {
			for _, key := range p.s.keysOf(l["key"]) {
				at := [2]string{e.String(), key}
				seen[at] = append(seen[at], l["status"])
			}
		}
	}
	agree, differ := 0, 0
	for _, pr := range r.Probes {
		at := [2]string{pr.row(), pr.Key}
		statuses := seen[at]
		if pr.Status == 0 || len(statuses) == 0 || !slices.Contains([]string{"over-grant", "under-grant", "anonymous-admitted", "bad-key-admitted"}, pr.Check) {
			continue
		}
		if slices.Contains(statuses, fmt.Sprint(pr.Status)) {
			agree++
		} else {
			differ++
			fmt.Printf("  %s, key %s: answered %d, recorded was %s\n", pr.row(), pr.Key, pr.Status, strings.Join(statuses, ", "))
		}
		if pr.Verdict == "fail" && !slices.ContainsFunc(gaps, func(g gap) bool { return g.explains(&pr) }) {
			fmt.Printf("  FALSE ALARM on a recorded answer: %s on %s, key %s\n", pr.Check, pr.row(), pr.Key)
			ok = false
		}
	}
	fmt.Printf("  %d answers are as recorded, %d are not; %d recorded rows and keys\n", agree, differ, len(seen))
	return ok && differ == 0 && agree > 0, nil
}

// rowOf is the row of a catalog that a request is of; nil when it has none.
func rowOf(c *catalogs.Catalog, method, path string) *catalogs.Endpoint {
	if e, ok := c.Endpoint(method, path); ok {
		return e
	}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if t, err := catalogs.ParseTemplate(e.Path); err == nil && e.Method == method && t.Match(path) {
			return e
		}
	}
	return nil
}

// readCSV reads a file with a header into maps.
func readCSV(path string) ([]map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var out []map[string]string
	for _, r := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = r[i]
		}
		out = append(out, m)
	}
	return out, nil
}

// keysOf are the senders of a run that a recorded key stands for.
func (s *scenario) keysOf(name string) []string {
	switch name {
	case "nokey":
		return []string{"anonymous"}
	case "badkey":
		return []string{"malformed", "unknown"}
	}
	return []string{name}
}

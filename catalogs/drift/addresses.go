package drift

import "strings"

// What servers put in front of a path tells endpoints apart that are written alike; a query
// does so behind it.

// elsewhere marks the rows of one side only that the other side writes alike, but serves
// below another path.
func (c *comparison) elsewhere(added, removed []*row) {
	written := func(rows []*row) map[string]bool {
		out := map[string]bool{}
		for _, r := range rows {
			out[key(r.method, r.path)] = true
		}
		return out
	}
	for _, side := range []struct{ rows, others []*row }{{added, c.old}, {removed, c.new}} {
		if len(side.rows) == 0 {
			continue
		}
		others := written(side.others)
		for _, r := range side.rows {
			r.moved = r.full != r.path && others[key(r.method, r.path)]
		}
	}
}

// name is the path by which a reader tells the row from others.
func (r *row) name() string {
	if r.moved {
		return r.full
	}
	return r.path
}

// servedAt says where requests reach the row, if its path does not.
func (r *row) servedAt() []string {
	if r.moved {
		return []string{"its servers put it at " + r.full}
	}
	return nil
}

// withoutQuery gives the rows of a document that only a query tells apart, as x-ms-paths may,
// the identity of the path alone where the other side knows no more than that.
func withoutQuery(own, others []*row) {
	var known map[string]bool
	for _, r := range own {
		path, _, ok := strings.Cut(r.full, "?")
		if !ok {
			continue
		}
		if known == nil {
			known = map[string]bool{}
			for _, o := range others {
				known[o.key] = true
			}
		}
		if bare := key(r.method, path); !known[r.key] && known[bare] {
			r.full, r.key = path, bare
		}
	}
}

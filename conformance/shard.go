package conformance

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"
)

// A Shard is the K-th of N parts of a plan, counted from 1. The zero value is the whole.
//
// A row and all that is asked about it are one part's: which one follows from the row's
// method and path alone, so that it stays there when other rows come and go. What a part's
// answers can only be understood with, such as the requests that its questions build on and
// a sign of life of each key, it asks for itself, and another part reports it.
type Shard struct{ K, N int }

// maxShards bounds N.
const maxShards = 10_000

// ParseShard reads "K/N".
func ParseShard(text string) (Shard, error) {
	var s Shard
	var rest string
	if n, _ := fmt.Sscanf(text+" end", "%d/%d %s", &s.K, &s.N, &rest); n != 3 || rest != "end" || s.K < 1 || s.K > s.N || s.N > maxShards {
		return Shard{}, fmt.Errorf("%q is not a shard: expected K/N with K from 1 to N, such as 2/8", text)
	}
	return s, nil
}

func (s Shard) String() string {
	if s.N == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.K, s.N)
}

// owns reports whether a text, such as a row's, belongs to the shard.
func (s Shard) owns(text string) bool {
	if s.N <= 1 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()%uint64(s.N) == uint64(s.K-1)
}

// Take makes the plan that of one shard. It stays the same plan, with the same hash.
func (p *Plan) Take(s Shard) { p.shard = s }

// Shard is the part of the plan that is taken.
func (p *Plan) Shard() Shard { return p.shard }

// Mine reports whether a row is in the part of the plan that is taken.
func (p *Plan) Mine(row int) bool { return p.shard.owns(p.Rows[row].String()) }

// anothers is the reason of probes that another shard reports.
const anothers = "another shard asks it"

// mine reports whether a probe is in the part of the plan that is taken.
func (p *Plan) mine(pr *Probe) bool {
	row, _, _ := p.About(pr)
	return p.Mine(row)
}

// sent are the rows whose requests are sent for the part of the plan that is taken.
func (p *Plan) sent() []bool {
	rows := make([]bool, len(p.Rows))
	for i := range rows {
		rows[i] = p.Mine(i)
	}
	if p.shard.N <= 1 {
		return rows
	}
	for i := range p.Questions {
		q := &p.Questions[i]
		if !p.Mine(q.Row) {
			continue
		}
		for _, b := range q.Base {
			row, _, _ := p.About(&p.Probes[b])
			rows[row] = true
		}
	}
	// Only an answer that unknown keys do not get shows that a key is right.
	for k := range p.Keys {
		if p.Keys[k].Kind != ValidKey {
			continue
		}
		for i := range p.Requests {
			req := &p.Requests[i]
			row := &p.Rows[req.Row]
			if req.Key == k && req.Expect == Admit && row.Reads && row.Method == http.MethodGet && !row.Need.IsPublic() && !strings.Contains(row.Path, "{") {
				rows[req.Row] = true
				break
			}
		}
	}
	return rows
}

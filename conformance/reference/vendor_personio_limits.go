package reference

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A meter counts the requests of one sender that fall under one limit.
type meter struct {
	from    time.Time // of the minute that is counted
	count   int
	blocked time.Time // until then
}

// personioMeters count for the documented limits, where the switch has them kept.
type personioMeters struct {
	metersMu sync.Mutex
	meters   map[string]*meter
}

// A personioLimit is so many requests of one sender in a minute.
type personioLimit struct {
	row   string // of one row; empty: of all v1 rows
	count int
	block time.Duration // nothing is served so long after one too many
}

// personioLimits are those that the pages state. Windows are whole minutes; bursts, and that
// v2 goes on with a sign-in a second, are left out.
var personioLimits = []personioLimit{
	{"POST /v1/auth", 60, time.Minute},
	{"POST /v2/auth/token", 150, 0},
	{"GET /v1/company/employees", 300, 0},
	{"POST /v1/company/documents", 60, 0},
	{"POST /v1/recruiting/applications", 20, 0},
	{"POST /v1/recruiting/applications/documents", 20, 0},
	{"POST " + applicantPath, 100, 0},
	{"", 2000, 0},
}

// maxMeters bounds how many senders are told apart.
const maxMeters = 10_000

// metered answers 429 to a request beyond a limit.
func (p *personio) metered(c *call) bool {
	if p.s.switches["limits"] == "off" {
		return false
	}
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		host = c.r.RemoteAddr
	}
	now := p.s.now()
	p.metersMu.Lock()
	defer p.metersMu.Unlock()
	over := false
	for _, l := range personioLimits {
		if l.row != c.rt.row.String() && (l.row != "" || !strings.HasPrefix(c.rt.row.Path, "/v1/")) {
			continue
		}
		id := l.row + " " + host
		m := p.meters[id]
		if m == nil || now.Sub(m.from) >= time.Minute && now.After(m.blocked) {
			if len(p.meters) >= maxMeters {
				p.meters = map[string]*meter{}
			}
			m = &meter{from: now}
			p.meters[id] = m
		}
		m.count++
		if m.count > l.count && l.block > 0 && m.count == l.count+1 {
			m.blocked = now.Add(l.block)
		}
		over = over || now.Before(m.blocked) || m.count > l.count
	}
	if over {
		p.reply(c, http.StatusTooManyRequests, nil)
	}
	return over
}

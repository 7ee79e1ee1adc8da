package conformance

import (
	"context"
	"fmt"
)

// disabledKey: a key that works is refused once it is disabled, on a new connection; and one
// that the profile says is out of use is refused.
var disabledKey = Check{
	ID: "disabled-key", Category: "life-cycle",
	Title: "a disabled key is refused",
	Doc: `Makes a key that holds what one endpoint asks for, sees it admitted, disables it and
sends the same request again on a new connection. Being admitted still is the finding. It is
asked where the catalog says that a disabled key is refused (credentials: states:), and needs
a way to make and disable keys; without one it is skipped. A key that the profile says is in
a state which the catalog refuses (state: disabled) is tried as it is.`,
	Finds:  []string{"disabled-key-works"},
	effort: OwnKeys,
	ask: func(p *planner) {
		row, key := p.witnessRow()
		if row < 0 {
			return
		}
		states := p.catalog.Credentials.States
		for i, k := range p.Keys {
			if s := states[k.State]; k.Kind == ParkedKey && (s == "refused" || s == "gone") {
				p.ask(Question{Row: row, Subject: "credential:" + k.State, Variant: "parked", Keys: []int{i}, Expect: Refuse,
					Base: p.aliveBase(row, key), Pos: p.catalog.Credentials.Pos})
			}
		}
		if states["disabled"] == "refused" {
			p.ask(Question{Row: row, Subject: "credential:disabled", Keys: []int{key}, Expect: Refuse,
				Base: p.aliveBase(row, key), Pos: p.catalog.Credentials.Pos})
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		if q.Variant == "parked" {
			by := l.As(q.Keys[0])
			if by.Credential.Secret == "" {
				return leaveOut("the key is refused when it signs in")
			}
			l.Send(ctx, rec, Call{Label: "disabled", Method: "GET", Path: path, By: by, Fresh: true})
			return nil
		}
		key, err := l.Mint(ctx, KeySpec{Name: "disabled", Grants: l.Plan.Keys[q.Keys[0]].Grants}, Disable)
		if err != nil {
			return err
		}
		call := Call{Label: "enabled", Method: "GET", Path: path, By: key.By()}
		if l.Send(ctx, rec, call); !rec.Last().OK() {
			return fmt.Errorf("the new key was answered %d before it was disabled", rec.Last().Status)
		}
		if err := key.Do(ctx, Disable, KeySpec{}); err != nil {
			return err
		}
		call.Label, call.Fresh = "disabled", true
		l.Send(ctx, rec, call)
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		if x := rec.Find("disabled"); x.OK() {
			if q.Variant == "parked" {
				return Fail, fmt.Sprintf("answered %d to a key that is out of use", x.Status)
			}
			return Fail, fmt.Sprintf("answered %d after the key was disabled, as before", x.Status)
		}
		return Pass, ""
	},
}

// aliveBase are the probes which show that a row tells a living key from none: the key is
// admitted, no key and an unknown key are not.
func (p *planner) aliveBase(row, key int) []int {
	return []int{p.base(row, key), p.base(row, 0), p.base(row, 2)}
}

// witnessRow returns a row that shows whether a key is alive, and the key to be like: a read
// without parameters that not everybody is admitted to, one that any key is admitted to
// first. -1 where there is none.
func (p *planner) witnessRow() (row, key int) {
	row = -1
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || r.Method != "GET" || !r.Reads || len(r.Params()) > 0 || r.Need.IsPublic() || p.strongest(i) < 0 {
			continue
		}
		if r.Need.IsAuthenticated() {
			return i, p.strongest(i)
		}
		if row < 0 {
			row = i
		}
	}
	if row < 0 {
		return -1, -1
	}
	return row, p.strongest(row)
}

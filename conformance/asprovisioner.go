package conformance

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// A CallingProvisioner is one whose actions are requests, which somebody else may send, too.
type CallingProvisioner interface {
	Provisioner
	// Request is what the provisioner would send for an action, without its own credential; ""
	// is minting.
	Request(action Action, key MintedKey, spec KeySpec) (AdminRequest, error)
	// Made reads the id of a new key from an answer to minting; "" where it shows none.
	Made(answer any) string
}

// An AdminRequest is one request of a provisioner.
type AdminRequest struct {
	Method string
	URL    *url.URL
	Body   []byte // JSON; nil: none
}

// byProvisioner is the variant of questions about a provisioner's requests.
const byProvisioner = "provisioner"

// askProvisioner asks about the provisioner's requests; whether they go to the target is known
// when there is one.
func askProvisioner(p *planner) {
	row, key := p.witnessRow()
	weak := p.weakestOfAll()
	if row < 0 || p.Keys[weak].Kind != ValidKey || weak == key {
		return
	}
	p.ask(Question{Row: row, Subject: "credential:mint", Variant: byProvisioner, Keys: []int{weak, key}, Expect: Refuse, Base: p.aliveBase(row, key), Pos: p.catalog.Credentials.Pos})
}

// asProvisioner sends the provisioner's requests with the question's first key. Each that
// changes a key is about one that is made for it, and whether it did is seen by using that.
func (l *Lab) asProvisioner(ctx context.Context, rec *Record, q *Question) error {
	prov, ok := l.run.target.Provisioner.(CallingProvisioner)
	if !ok || !prov.Can("") {
		return leaveOut("no request is known with which keys are made (provision: in the profile)")
	}
	path, err := l.Path(ctx, q.Row)
	if err != nil {
		return err
	}
	grants := l.Plan.Keys[q.Keys[1]].Grants
	spec := KeySpec{Name: l.Mark(), Grants: grants}
	a, err := l.provisionerCall(ctx, rec, q, prov, "", MintedKey{}, spec)
	if err != nil {
		return err
	}
	if id := prov.Made(a.JSON()); a.OK() && id != "" {
		rec.Fact("did: mint", "yes")
		made := Made{Kind: "key", ID: id, Name: spec.Name}
		if err := l.debts.owe(made, func(ctx context.Context) error { return unmint(ctx, prov, MintedKey{ID: id}) }); err != nil {
			return err
		}
	}
	if a.OK() && rec.Facts["did: mint"] == "" {
		rec.Fact("unclear", fmt.Sprintf("minting was answered %d without the id of a new key", a.Status))
	}
	for _, action := range []Action{Regrant, Disable, Revoke, Delete, Rotate} {
		if !prov.Can(action) {
			continue
		}
		from, before, after := grants, l.admits, l.refuses
		if action == Regrant {
			from, before, after = perm.Set{}, l.refuses, l.admits
			if l.Plan.Rows[q.Row].Need.IsAuthenticated() {
				continue // no permission shows whether it was given
			}
		}
		victim, err := l.Mint(ctx, KeySpec{Name: string(action), Grants: from})
		if err != nil {
			return err
		}
		use := Call{Label: "before " + string(action), Method: "GET", Path: path, By: victim.By(), row: q.Row + 1}
		if !l.until(ctx, rec, use, before) {
			return fmt.Errorf("the new key was answered %d before anything was done to it", rec.Last().Status)
		}
		a, err := l.provisionerCall(ctx, rec, q, prov, action, victim.key, KeySpec{Grants: grants})
		if err != nil {
			return err
		}
		use.Label, use.Fresh = "after "+string(action), true
		if a.OK() { // it may take a moment
			if l.until(ctx, rec, use, after) {
				rec.Fact("did: "+string(action), "yes")
			} else {
				rec.Fact("unclear", fmt.Sprintf("%s was answered %d, and nothing came of it", action, a.Status))
			}
		} else if after(l.Send(ctx, rec, use)) {
			rec.Fact("did: "+string(action), "yes")
		}
		if action == Delete && rec.Facts["did: delete"] != "" {
			if err := l.debts.paid(victim.made); err != nil {
				return err
			}
		}
	}
	return nil
}

// provisionerCall sends one of the provisioner's requests as the question's first key, to the
// target alone.
func (l *Lab) provisionerCall(ctx context.Context, rec *Record, q *Question, prov CallingProvisioner, action Action, key MintedKey, spec KeySpec) (*Answer, error) {
	req, err := prov.Request(action, key, spec)
	if err != nil {
		return nil, err
	}
	if base := l.run.client.base; req.URL.Scheme != base.Scheme || req.URL.Host != base.Host {
		return nil, leaveOut("the provisioner's requests do not go to the target")
	}
	name := string(action)
	if name == "" {
		name = "mint"
	}
	return l.Send(ctx, rec, Call{Label: name, Method: req.Method, Line: req.Method + " " + req.URL.RequestURI(), Path: req.URL.EscapedPath(), By: l.As(q.Keys[0]),
		Body: req.Body, Raw: true, Any: true}), nil
}

func decideProvisioner(rec *Record) (Verdict, string) {
	reason := rec.Facts["unclear"]
	for i := range rec.Exchanges {
		x := &rec.Exchanges[i]
		if strings.HasPrefix(x.Label, "before ") || strings.HasPrefix(x.Label, "after ") {
			continue
		}
		if x.undecided() && reason == "" {
			reason = fmt.Sprintf("%s was answered %d, which says nothing about permission", x.Label, x.Status)
		}
	}
	var did []string
	for _, fact := range slices.Sorted(maps.Keys(rec.Facts)) {
		if name, ok := strings.CutPrefix(fact, "did: "); ok {
			did = append(did, name)
		}
	}
	switch {
	case len(did) > 0:
		return Fail, "the provisioner's own requests do their work for a key that may do nothing: " + strings.Join(did, ", ")
	case reason != "":
		return Inconclusive, reason
	}
	return Pass, ""
}

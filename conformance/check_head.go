package conformance

import (
	"context"
	"fmt"
	"net/http"
)

// headUnguarded: HEAD is decided as GET is.
var headUnguarded = Check{
	ID: "head-unguarded", Category: "routing", Title: "HEAD is refused where GET is",
	Doc: `Sends HEAD to the path of a refused GET, with the key that is refused, with one that is
admitted, and to a path that does not exist. Being admitted is the finding, for it tells the
length and the age of what is refused; a server that answers every HEAD alike is left alone.
Asked of one row of each shape of path.`,
	Finds: []string{"head-unguarded"},
	ask: func(p *planner) {
		for _, i := range p.reads(byShape) {
			p.askDetour(i)
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		if _, err := l.plain(ctx, rec, plainAdmitted, q.Row, l.As(q.Keys[1])); err != nil {
			return err
		}
		if _, err := l.plain(ctx, rec, plainRefused, q.Row, l.As(q.Keys[0])); err != nil {
			return err
		}
		l.Send(ctx, rec, Call{Label: "HEAD", Method: http.MethodHead, Path: path, By: l.As(q.Keys[0])})
		l.Send(ctx, rec, Call{Label: "HEAD, admitted", Method: http.MethodHead, Path: path, By: l.As(q.Keys[1]), Any: true})
		l.Send(ctx, rec, Call{Label: "HEAD of nothing", Method: http.MethodHead, Path: l.Plan.Rows[l.Plan.inventedRow()].Path, By: l.As(q.Keys[0]), Any: true})
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		head, admitted, refused := rec.Find("HEAD"), rec.Find("HEAD, admitted"), rec.Find(plainRefused)
		switch {
		case !head.OK(), refused.OK():
			return Pass, "" // an empty list is a refusal that HEAD cannot show
		case !admitted.OK():
			return Inconclusive, fmt.Sprintf("HEAD is answered %d, and %d to the admitted key", head.Status, admitted.Status)
		case rec.Find("HEAD of nothing").OK():
			return Inconclusive, "HEAD is answered 2xx whatever the path"
		}
		return Fail, fmt.Sprintf("HEAD is answered %d where GET is answered %d", head.Status, refused.Status)
	},
}

// inventedRow is the row of the path that the catalog does not have.
func (p *Plan) inventedRow() int {
	for i := range p.Rows {
		if p.Rows[i].Endpoint == nil {
			return i
		}
	}
	return -1
}

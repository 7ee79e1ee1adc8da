package routes

const humaPkg = "github.com/danielgtaylor/huma/v2"

// huma is github.com/danielgtaylor/huma/v2, whose operations are served by another
// router. Its patterns are OpenAPI's, whatever that router's are. The routes of its
// own documentation are not listed.
var huma = &Spec{
	Name:     "huma",
	Types:    []string{humaPkg + ".API", humaPkg + ".Group", humaPkg + ".Adapter"},
	Contexts: []string{humaPkg + ".Context"},
	Path:     bracePattern,
	Rows:     humaRows(),
}

func humaRows() []Row {
	rows := verbs(Row{Do: Register, Router: First, Path: Second, Handler: Third}, func(m string) string { return humaPkg + "." + title(m) },
		"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE")
	rows = append(rows,
		Row{Func: humaPkg + ".Register", Do: Register, Router: First, Routes: Second, Handler: Third, Fields: Fields{Method: "Method", Path: "Path", Middleware: "Middlewares", Claim: "Security"}},
		Row{Func: humaPkg + ".AutoRegister", Do: Reflect, Router: First},
		Row{Func: humaPkg + ".NewGroup", Do: Group, Router: First, Path: Second, Order: Linked},
		Row{Func: humaPkg + ".NewAPI", Do: Adapt, Router: Second},
	)
	rows = append(rows, each([]string{humaPkg + ".API", humaPkg + ".Group"},
		Row{Func: "UseMiddleware", Do: Use, Middleware: First, Rest: true},
		Row{Func: "Adapter"},
	)...)
	adapters := humaPkg + "/adapters/"
	for _, name := range []string{
		"humabunrouter.New", "humabunrouter.NewAdapter", "humachi.New", "humachi.NewAdapter", "humaecho.New", "humafiber.New", "humaflow.New",
		"humaflow.NewAdapter", "humagin.New", "humago.New", "humahttprouter.New", "humamux.New", "humamux.NewAdapter",
	} {
		rows = append(rows, Row{Func: adapters + name, Do: Adapt, Router: First})
	}
	for _, name := range []string{"humaecho.NewWithGroup", "humafiber.NewWithGroup", "humagin.NewWithGroup"} {
		rows = append(rows, Row{Func: adapters + name, Do: Adapt, Router: Second})
	}
	for _, name := range []string{"humago.NewAdapter", "humago.NewWithPrefix", "humaflow.NewWithPrefix"} {
		rows = append(rows, Row{Func: adapters + name, Do: Adapt, Router: First, Path: Second})
	}
	return rows
}

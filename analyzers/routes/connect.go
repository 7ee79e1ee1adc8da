package routes

const connectPkg = "connectrpc.com/connect"

// connect is connectrpc.com/connect: a handler serves the one path of its procedure.
var connect = &Spec{
	Name:  "connect",
	Types: []string{connectPkg + ".Handler"},
	Path:  bracePattern,
	Rows: []Row{
		procedure("NewUnaryHandler"), procedure("NewUnaryHandlerSimple"), procedure("NewClientStreamHandler"), procedure("NewClientStreamHandlerSimple"),
		procedure("NewServerStreamHandler"), procedure("NewServerStreamHandlerSimple"), procedure("NewBidiStreamHandler"),
		Row{Func: connectPkg + ".Handler.ServeHTTP", Do: Delegate},
	},
}

func procedure(name string) Row {
	return Row{Func: connectPkg + "." + name, Do: Make, Method: "POST", Path: First, Handler: Second}
}

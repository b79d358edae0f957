package trialmatch.contract.hapi;

import ca.uhn.fhir.rest.server.RestfulServer;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * Serves FHIR on 127.0.0.1, at PORT of the environment or at any free one, and prints the address on one line when it
 * answers. It ends when its standard input does, so that it never outlives whoever started it.
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "0"));
        var beans = new AnnotationConfigApplicationContext(Hospital.class);
        var handler = new ServletContextHandler("/");
        handler.addServlet(new ServletHolder(beans.getBean(RestfulServer.class)), "/fhir/*");
        var server = new Server(new InetSocketAddress("127.0.0.1", port));
        server.setHandler(handler);
        server.start();
        var connector = (ServerConnector) server.getConnectors()[0];
        System.out.println("http://127.0.0.1:" + connector.getLocalPort() + "/fhir");
        System.in.transferTo(OutputStream.nullOutputStream());
        Runtime.getRuntime().halt(0); // all of it is in memory: there is nothing to put away
    }
}

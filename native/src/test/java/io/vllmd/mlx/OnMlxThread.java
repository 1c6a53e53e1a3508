package io.vllmd.mlx;

import java.lang.reflect.Method;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

/**
 * Runs each test method of a class on an MLX thread of that class, inside a scope. Kernel choices that a test
 * makes are undone after it.
 */
@SuppressWarnings("try")
final class OnMlxThread implements BeforeAllCallback, AfterAllCallback, InvocationInterceptor {

    private @Nullable MlxThread thread;

    @Override
    public void beforeAll(ExtensionContext context) {
        thread = MlxThread.start("mlx of " + context.getRequiredTestClass().getSimpleName());
        thread.call(() -> {
            Mlx.setDefaultDevice(Device.CPU);
            return null;
        });
    }

    @Override
    public void afterAll(ExtensionContext context) {
        if (thread != null) {
            thread.close();
        }
    }

    @Override
    public void interceptTestMethod(
            Invocation<Void> invocation, ReflectiveInvocationContext<Method> method, ExtensionContext context)
            throws Throwable {
        onThread(invocation);
    }

    @Override
    public void interceptTestTemplateMethod(
            Invocation<Void> invocation, ReflectiveInvocationContext<Method> method, ExtensionContext context)
            throws Throwable {
        onThread(invocation);
    }

    private void onThread(Invocation<Void> invocation) {
        if (thread == null) {
            throw new IllegalStateException("no MLX thread: beforeAll did not run");
        }
        thread.call(() -> {
            try (Scope scope = Scope.open()) {
                return invocation.proceed();
            } catch (Error | Exception e) {
                throw e;
            } catch (Throwable e) {
                throw new AssertionError(e);
            } finally {
                Kernels.restore();
            }
        });
    }
}

import { FlybackModule } from '@flyback/http/nest'
import { Module } from '@nestjs/common'
import { DatabaseService } from './database.service.js'
import { GuestbookController } from './guestbook.controller.js'
import { GuestbookService } from './guestbook.service.js'

// The guestbook with Drizzle and Nest. Nothing in it knows about regions: drizzle() and the module read the environment.
@Module({
  imports: [FlybackModule.forRoot()],
  controllers: [GuestbookController],
  providers: [DatabaseService, GuestbookService],
})
export class AppModule {}
